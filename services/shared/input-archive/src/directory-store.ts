import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ArchiveStore } from './archive-store.ts'

/** Files of a writer that died on the way; no name of the archive begins so. */
const UNFINISHED = '.unfinished-'

/** An archive in a directory: for one machine, and for tests. */
export class DirectoryStore implements ArchiveStore {
  readonly place: string
  readonly #root: string

  constructor(root: string) {
    this.#root = root
    this.place = `${pathToFileURL(root).href.replace(/\/$/, '')}/`
  }

  async *list(folder: string, after = ''): AsyncGenerator<string> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(unlessMissing)
    const names = (entries ?? []).filter((entry) => entry.isFile()).map(({ name }) => name)
    yield* names.filter((name) => name > after && !name.startsWith(UNFINISHED)).sort()
  }

  async *folders(folder: string): AsyncGenerator<string> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(unlessMissing)
    yield* (entries ?? [])
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort()
  }

  read(name: string): Promise<Buffer> {
    return readFile(join(this.#root, name))
  }

  async writeOnce(name: string, bytes: Buffer): Promise<'written' | 'exists'> {
    const path = join(this.#root, name)
    const folder = dirname(path)
    await mkdir(folder, { recursive: true })
    const unfinished = join(folder, `${UNFINISHED}${randomUUID()}`)
    try {
      await writeDurably(unfinished, bytes)
      // Unlike renaming, this fails where the name is taken.
      const taken = await link(unfinished, path).then(() => false, unlessTaken)
      await syncFolder(folder)
      return taken ? 'exists' : 'written'
    } finally {
      await rm(unfinished, { force: true })
    }
  }

  close(): void {}
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A name is durable when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function unlessTaken(error: NodeJS.ErrnoException): true {
  if (error.code !== 'EEXIST') throw error
  return true
}
