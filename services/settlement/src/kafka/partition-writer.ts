import { untilDone } from '@bourse/platform/until-done'
import type { LogRecord } from '@bourse/protocol/replica'
import { verdicts } from '@bourse/protocol/streams'
import type { Batch } from '../core/batch.ts'
import type { Applied, Ledger } from '../core/ledger.ts'
import { stopReason, type StopReason } from '../core/stop.ts'
import { inputKey, samePlace, type Input, type Position } from '../core/position.ts'
import { BATCH_ENTRIES_MAX, SettlementStream } from '../core/settlement-stream.ts'
import type { Events } from '../events.ts'

export type PartitionWriterOptions = {
  readonly input: Input
  readonly position: Position
  readonly ledger: Ledger
  readonly events: Events
  /** Called once: log and ledger contradict each other, and the partition stands still until a person acts. */
  readonly onStopped: (error: Error, reason: StopReason) => void
  /** Called once, with any other error: a fresh start may mend it. */
  readonly onFatal: (error: Error) => void
}

/**
 * Writes one partition into the ledger: whatever records are there make the next batches, one transaction after the
 * other; it never waits for a batch to fill. While PostgreSQL is away, it waits and keeps its place. Where another
 * writer is ahead, it goes on from there.
 */
export class PartitionWriter {
  readonly input: Input
  readonly #options: PartitionWriterOptions
  readonly #stopping = new AbortController()
  #stream: SettlementStream
  #position: Position
  /** Given and not read yet. */
  #queue: LogRecord[] = []
  /** Read, and not wholly in the ledger yet. */
  #unapplied: LogRecord[] = []
  #bytes = 0
  #isWorking = false
  #worked: Promise<void> = Promise.resolve()
  #onProgress: (() => void)[] = []
  /** Why it stands still. */
  stopped: StopReason | undefined
  /** What PostgreSQL said, while the writer waits for it. */
  trouble: unknown

  constructor(options: PartitionWriterOptions) {
    this.#options = options
    this.input = options.input
    this.#position = options.position
    this.#stream = new SettlementStream(options.input, options.position)
  }

  /** What the ledger has. */
  get position(): Position {
    return this.#position
  }

  /** Of the records that are given and not in the ledger yet. */
  get bytes(): number {
    return this.#bytes
  }

  push(records: readonly LogRecord[]): void {
    if (this.#stopping.signal.aborted) return
    for (const record of records) {
      this.#queue.push(record)
      this.#bytes += record.value.length
    }
    if (!this.#isWorking) this.#worked = this.#work()
  }

  /** Resolves when some of what was given has reached the ledger, or the writer has stopped. */
  progress(): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#worked
    return new Promise((resolve) => this.#onProgress.push(resolve))
  }

  /** Ends with the transaction in work; what is left is read again by the next owner. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#worked
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    try {
      while (this.#queue.length > 0 && !this.#stopping.signal.aborted) {
        const record = this.#queue.shift()
        if (record !== undefined) this.#read(record)
        if (this.#queue.length === 0 || this.#stream.pending >= BATCH_ENTRIES_MAX) await this.#applyRead()
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error as Error)
    } finally {
      this.#isWorking = false
      this.#progressed()
    }
  }

  #read(record: LogRecord): void {
    this.#unapplied.push(record)
    try {
      this.#stream.read(record)
    } catch (cause) {
      const where = `${inputKey(this.input)} offset ${record.offset}`
      throw new Error(`${where}: ${(cause as Error).message}`, { cause })
    }
  }

  async #applyRead(): Promise<void> {
    for (let batch = this.#stream.take(); batch !== undefined; batch = this.#stream.take()) {
      const startedAt = performance.now()
      const applied = await this.#apply(batch)
      if (applied === 'fenced') await this.#catchUp(batch)
      else {
        this.#options.events.applied(batch, (performance.now() - startedAt) / 1_000)
        this.#moveTo(batch.after)
      }
    }
    for (const verdict of verdicts) {
      this.#options.events.read(this.input, verdict, this.#stream.counts[verdict])
      this.#stream.counts[verdict] = 0
    }
  }

  #apply(batch: Batch): Promise<Applied> {
    return this.#untilDone('apply', async () => this.#options.ledger.apply(batch))
  }

  /** The ledger stands elsewhere: another writer, or this one, whose commit's answer was lost. */
  async #catchUp({ before, after }: Batch): Promise<void> {
    const position = await this.#untilDone('position', async () => this.#options.ledger.position(this.input))
    if (samePlace(position, after)) return this.#moveTo(after)
    if (position.nextOffset < before.nextOffset) {
      throw new Error(
        `${inputKey(this.input)}: the database went back from offset ${before.nextOffset} to ${position.nextOffset}`,
      )
    }
    this.#options.events.fenced(this.input, position.nextOffset)
    this.#stream = new SettlementStream(this.input, position)
    const records = this.#unapplied
    this.#unapplied = []
    for (const record of records) this.#read(record)
    this.#moveTo(position)
  }

  #untilDone<Value>(doing: string, work: () => Promise<Value>): Promise<Value> {
    const { signal } = this.#stopping
    const onWait = (error: unknown, delayMs: number) => {
      this.trouble = error
      this.#options.events.waiting(error, `${doing} ${inputKey(this.input)}`, delayMs)
    }
    const done = untilDone(work, { signal, onWait })
    return done.finally(() => (this.trouble = undefined))
  }

  #moveTo(position: Position): void {
    this.#position = position
    const done = this.#unapplied.findIndex(({ offset }) => offset >= position.nextOffset)
    const gone = this.#unapplied.splice(0, done < 0 ? this.#unapplied.length : done)
    for (const { value } of gone) this.#bytes -= value.length
    this.#progressed()
  }

  #progressed(): void {
    for (const resolve of this.#onProgress.splice(0)) resolve()
  }

  #fail(error: Error): void {
    this.#stopping.abort()
    this.#queue = []
    this.#unapplied = []
    this.#bytes = 0
    this.stopped = stopReason(error)
    if (this.stopped === undefined) this.#options.onFatal(error)
    else this.#options.onStopped(error, this.stopped)
  }
}
