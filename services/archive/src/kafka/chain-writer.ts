import { ArchiveError } from '@bourse/input-archive/archive-error'
import type { ArchivedInput } from '@bourse/input-archive/file-name'
import type { InputArchive } from '@bourse/input-archive/input-archive'
import { endOf, type ArchivedRecord, type InputFile } from '@bourse/input-archive/input-file'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { Gatherer } from '@bourse/platform/kafka/gathering-consumer'
import { Gathering } from '../core/gathering.ts'
import { isSame } from '../core/same-log.ts'

/** What became of a file's records: written by us, or by somebody else before. */
export type Written = {
  readonly by: 'us' | 'another'
  /** Of the file as we would write it. */
  readonly bytes: number
  readonly records: number
  /** Up to which the chain goes now. */
  readonly logTimeMs: number
}

export type ChainWriterOptions = {
  readonly input: ArchivedInput
  readonly archive: Pick<InputArchive, 'read' | 'write'>
  readonly log: string
  /** The last file that is there. */
  readonly last: InputFile | undefined
}

/** Writes one input's records on behind the chain of its files. Of several that do, each goes on where the chain ends. */
export class ChainWriter implements Gatherer<Written> {
  readonly input: ArchivedInput
  readonly gathering: Gathering
  readonly #archive: ChainWriterOptions['archive']
  readonly #log: string
  #end: number

  constructor({ input, archive, log, last }: ChainWriterOptions) {
    this.input = input
    this.#archive = archive
    this.#log = log
    this.#end = last === undefined ? 0 : endOf(last)
    this.gathering = new Gathering(this.#end)
  }

  /** The offset up to which the chain goes. */
  get end(): number {
    return this.#end
  }

  take({ offset, timestamp, value }: Message, now: number): void {
    this.gathering.take({ offset, timestamp, value }, now)
  }

  /**
   * Writes the next file, or finds that somebody has; undefined where nothing is gathered.
   *
   * @throws ArchiveError `file_differs`, `file_damaged`: the chain cannot be continued
   */
  async write(): Promise<Written | undefined> {
    const records = this.gathering.file()
    if (records.length === 0) return undefined
    const { outcome, bytes } = await this.#archive.write(this.input, { log: this.#log, records })
    const found = outcome === 'written' ? { log: this.#log, records } : await this.#sameAs(records)
    this.#end = endOf(found)
    this.gathering.archived(this.#end)
    return {
      by: outcome === 'written' ? 'us' : 'another',
      bytes,
      records: records.length,
      logTimeMs: found.records.at(-1)?.timestamp ?? 0,
    }
  }

  /** The file that has the name already. What it and the log both have must be the same. */
  async #sameAs(records: readonly ArchivedRecord[]): Promise<InputFile> {
    const first = records[0]?.offset ?? 0
    const found = await this.#archive.read(this.input, first)
    const other = records.find((record, i) => {
      const archived = found.records[i]
      return archived !== undefined && !isSame(archived, record)
    })
    const { topic, partition } = this.input
    const where = `the file of ${topic}/${partition} from offset ${first} on`
    if (found.log !== this.#log)
      throw new ArchiveError('file_differs', `${where} is of log ${found.log}, not ${this.#log}`)
    if (other !== undefined)
      throw new ArchiveError('file_differs', `${where} has another record than the log at ${other.offset}`)
    return found
  }
}
