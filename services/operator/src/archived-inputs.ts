import type { InputArchive } from '@bourse/input-archive/input-archive'
import { endOf, type ArchivedRecord } from '@bourse/input-archive/input-file'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { inputKey, WrongCopyError, type InputName } from './core/largest-cut.ts'
import { CutRefused } from './cut-refused.ts'
import type { InputSource, SourceRecord } from './input-source.ts'
import type { ExchangeShape } from './topics.ts'

const READ_MAX = 1_000

export type ArchivedInputsOptions = {
  readonly archive: InputArchive
  readonly shape: ExchangeShape
  /** Leaves out what lies behind a missing file, instead of refusing. */
  readonly toFirstGap: boolean
  readonly print: (line: string) => void
}

/** An input's chain of files, of which one at a time is in memory. */
type Chain = {
  readonly input: InputName
  /** First offsets of the files that are still to be fetched, from `fetched` on. */
  files: number[]
  fetched: number
  records: readonly ArchivedRecord[]
  taken: number
  /** The offset that the next file begins with. */
  next: number
  fetching: Promise<void> | undefined
  paused: boolean
}

/** An archive's files, as they are when it is opened. */
export class ArchivedInputs implements InputSource {
  readonly #options: ArchivedInputsOptions
  readonly #chains: readonly Chain[]
  #log: string | undefined
  #failure: Error | undefined
  /** Whose turn it is: inputs are read alternately, so that little waits for another. */
  #turn = 0

  private constructor(options: ArchivedInputsOptions, chains: readonly Chain[]) {
    this.#options = options
    this.#chains = chains
  }

  /** @throws CutRefused `copies_incomplete` */
  static async open(options: ArchivedInputsOptions): Promise<ArchivedInputs> {
    const { archive, shape } = options
    const chains: Chain[] = []
    for (const [topic, partitions] of [
      [TOPICS.riskIn, shape.riskPartitions],
      [TOPICS.ordersIn, shape.matchingPartitions],
    ] as const) {
      for (let partition = 0; partition < partitions; partition++)
        chains.push(await chainOf(archive, { topic, partition }))
      if (await hasFiles(archive, { topic, partition: partitions }))
        throw new CutRefused('copies_incomplete', `${archive.place} has more than ${partitions} of ${topic}`)
    }
    return new ArchivedInputs(options, chains)
  }

  nameOf(input: InputName): string {
    return `${inputKey(input)} of ${this.#options.archive.place}`
  }

  async mark(): Promise<void> {}

  isRead(input: InputName): boolean {
    return isFinished(this.#chainOf(input))
  }

  /** @throws CutRefused `copies_incomplete`, ArchiveError `file_damaged`, WrongCopyError */
  async read(): Promise<readonly SourceRecord[]> {
    for (;;) {
      const wanted = this.#chains.filter((chain) => !chain.paused && !isFinished(chain))
      for (const chain of wanted) this.#fetch(chain)
      if (this.#failure !== undefined) throw this.#failure
      const ready = this.#inTurn(wanted)
      if (ready !== undefined) return this.#take(ready)
      const fetching = wanted.flatMap((chain) => chain.fetching ?? [])
      if (fetching.length === 0) return []
      await Promise.race(fetching)
    }
  }

  pause(input: InputName): void {
    this.#chainOf(input).paused = true
  }

  resume(input: InputName): void {
    this.#chainOf(input).paused = false
  }

  async close(): Promise<void> {
    await Promise.all(this.#chains.map(({ fetching }) => fetching))
    this.#options.archive.close()
  }

  #inTurn(wanted: readonly Chain[]): Chain | undefined {
    const count = this.#chains.length
    for (let step = 0; step < count; step++) {
      const chain = this.#chains[(this.#turn + step) % count]
      if (chain === undefined || !wanted.includes(chain) || chain.taken === chain.records.length) continue
      this.#turn = (this.#turn + step + 1) % count
      return chain
    }
    return undefined
  }

  #take(chain: Chain): readonly SourceRecord[] {
    const records = chain.records.slice(chain.taken, chain.taken + READ_MAX)
    chain.taken += records.length
    this.#fetch(chain)
    return records.map((record) => ({ ...chain.input, ...record }))
  }

  /** Begins to fetch the next file, when the last one is used up. */
  #fetch(chain: Chain): void {
    const first = chain.files[chain.fetched]
    if (first === undefined || chain.fetching !== undefined || chain.taken < chain.records.length) return
    chain.fetching = this.#fetchFile(chain, first)
      .catch((error: Error) => void (this.#failure ??= error))
      .finally(() => (chain.fetching = undefined))
  }

  async #fetchFile(chain: Chain, first: number): Promise<void> {
    const { input } = chain
    if (first !== chain.next) return this.#atGap(chain, first)
    const file = await this.#options.archive.read(input, first)
    this.#log ??= file.log
    if (file.log !== this.#log)
      throw new WrongCopyError(
        `the file of ${this.nameOf(input)} from ${first} on is of log ${file.log}, others are of ${this.#log}`,
      )
    chain.fetched++
    chain.records = file.records
    chain.taken = 0
    chain.next = endOf(file)
  }

  /** A copier brings files in any order: the last may be there, and one before it not. */
  #atGap(chain: Chain, first: number): void {
    const gap = `${this.nameOf(chain.input)}: no file begins at offset ${chain.next}, the next one begins at ${first}`
    if (!this.#options.toFirstGap)
      throw new CutRefused('copies_incomplete', `${gap}. With --to-first-gap what lies behind is left out`)
    this.#options.print(`${gap}; ${chain.files.length - chain.fetched} files are left out`)
    chain.files = chain.files.slice(0, chain.fetched)
  }

  #chainOf(input: InputName): Chain {
    const chain = this.#chains.find((each) => inputKey(each.input) === inputKey(input))
    if (chain === undefined) throw new Error(`${inputKey(input)} is no input`)
    return chain
  }
}

const isFinished = ({ files, fetched, records, taken }: Chain): boolean =>
  fetched === files.length && taken === records.length

const hasFiles = async (archive: InputArchive, input: InputName): Promise<boolean> =>
  (await archive.files(input).next()).done !== true

async function chainOf(archive: InputArchive, input: InputName): Promise<Chain> {
  const files: number[] = []
  for await (const first of archive.files(input)) files.push(first)
  if (files[0] !== 0)
    throw new CutRefused(
      'copies_incomplete',
      `${inputKey(input)} of ${archive.place} ${files[0] === undefined ? 'has no file' : `begins at offset ${files[0]}`}`,
    )
  return { input, files, fetched: 0, records: [], taken: 0, next: 0, fetching: undefined, paused: false }
}
