import type { ArchiveStore } from './archive-store.ts'
import { fileNameOf, firstOffsetIn, folderOf, type ArchivedInput } from './file-name.ts'
import { decodeInputFile, encodeInputFile, FILE_RECORDS_MAX, type InputFile } from './input-file.ts'

export type Outcome = {
  readonly outcome: 'written' | 'exists'
  /** How large the file is, or would have been. */
  readonly bytes: number
}

/**
 * An exchange's inputs as chains of files: each begins where the one before it ends. Its name says where, and no name is
 * written twice, so there is one chain, however many write it.
 */
export class InputArchive {
  readonly #store: ArchiveStore

  constructor(store: ArchiveStore) {
    this.#store = store
  }

  get place(): string {
    return this.#store.place
  }

  /** The first offset of each file of an input, ascending, from `from` on. */
  async *files(input: ArchivedInput, from = 0): AsyncGenerator<number> {
    const after = from === 0 ? undefined : fileNameOf(from - 1)
    for await (const name of this.#store.list(folderOf(input), after)) {
      const first = firstOffsetIn(name)
      if (first !== undefined) yield first
    }
  }

  /** @throws ArchiveError `file_damaged` */
  async read(input: ArchivedInput, first: number): Promise<InputFile> {
    const bytes = await this.#store.read(`${folderOf(input)}${fileNameOf(first)}`)
    return decodeInputFile(input, first, bytes)
  }

  /**
   * The file in which an input's chain ends; undefined where it has none. Looks about `near` first, an offset that is
   * believed to be the end; whether it is right only decides how many names are listed.
   *
   * @throws ArchiveError `file_damaged`
   */
  async last(input: ArchivedInput, near = 0): Promise<InputFile | undefined> {
    const from = Math.max(0, near - FILE_RECORDS_MAX)
    const first =
      (await lastOf(this.files(input, from))) ?? (from > 0 ? await lastOf(this.files(input)) : undefined)
    return first === undefined ? undefined : this.read(input, first)
  }

  /** Writes records as the file that begins with the first of them, unless there is one of that name. */
  async write(input: ArchivedInput, file: InputFile): Promise<Outcome> {
    const first = file.records[0]?.offset
    if (first === undefined) throw new RangeError('a file has at least one record')
    const bytes = encodeInputFile(input, file)
    const outcome = await this.#store.writeOnce(`${folderOf(input)}${fileNameOf(first)}`, bytes)
    return { outcome, bytes: bytes.length }
  }

  close(): void {
    this.#store.close()
  }
}

async function lastOf(offsets: AsyncIterable<number>): Promise<number | undefined> {
  let last: number | undefined
  for await (const offset of offsets) last = offset
  return last
}
