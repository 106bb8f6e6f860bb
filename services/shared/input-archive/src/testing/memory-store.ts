import type { ArchiveStore } from '../archive-store.ts'

/** Keeps files in memory, as every store should. */
export class MemoryStore implements ArchiveStore {
  readonly place = 'memory:'
  readonly files = new Map<string, Buffer>()
  /** Names that were listed. */
  listed = 0

  async *list(folder: string, after = ''): AsyncGenerator<string> {
    const inside = [...this.files.keys()].filter((name) => name.startsWith(folder))
    const names = inside.map((name) => name.slice(folder.length)).filter((name) => !name.includes('/'))
    for (const name of names.filter((each) => each > after).sort()) {
      this.listed++
      yield name
    }
  }

  async *folders(folder: string): AsyncGenerator<string> {
    const inside = [...this.files.keys()].filter((name) => name.startsWith(folder))
    const paths = inside.map((name) => name.slice(folder.length).split('/'))
    yield* [...new Set(paths.filter(({ length }) => length > 1).flatMap(([name]) => name ?? []))].sort()
  }

  async read(name: string): Promise<Buffer> {
    const bytes = this.files.get(name)
    if (bytes === undefined) throw new Error(`no ${name}`)
    return bytes
  }

  async writeOnce(name: string, bytes: Buffer): Promise<'written' | 'exists'> {
    if (this.files.has(name)) return 'exists'
    this.files.set(name, bytes)
    return 'written'
  }

  close(): void {}
}
