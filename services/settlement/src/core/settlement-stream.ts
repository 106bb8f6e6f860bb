import { invariant } from '@bourse/domain/result'
import { decodeFrame, hashAfter, type Frame } from '@bourse/protocol/frame'
import { WrongLogError, type LogRecord } from '@bourse/protocol/replica'
import { hashFromText, hashOf, hashText } from '@bourse/protocol/stream-hash'
import { InboundStream, type Verdict } from '@bourse/protocol/streams'
import { BatchDraft, type Batch } from './batch.ts'
import { inputKey, RunningTotals, type Input, type Position } from './position.ts'

export type StreamLimits = {
  /** A batch ends at this many entries, also within a record. */
  readonly batchEntriesMax: number
  /** Every how many checkpoints the real sum of all rows is taken as well; the first one after a start always. */
  readonly checkpointsPerSum: number
}

/** One transaction's worth: large enough to be cheap per row, small enough to be over soon. */
export const BATCH_ENTRIES_MAX = 3_000
export const CHECKPOINTS_PER_SUM = 64

const LIMITS: StreamLimits = { batchEntriesMax: BATCH_ENTRIES_MAX, checkpointsPerSum: CHECKPOINTS_PER_SUM }

/**
 * Turns one partition's records into batches, beginning at a position that a ledger gave. Pure: the shell reads the log
 * and applies the batches, in order, each before the next one is looked at by anybody.
 *
 * A repeated entry is dropped, an entry beyond the next one ignored and one of an older epoch refused, all counted: the
 * sender repeats what is missing.
 * Throws, and is of no use afterwards: a MalformedError for a record that is no frame, a DivergenceError for a repeat
 * with other content, a WrongLogError for another log than the position's, a LedgerError for a checkpoint that differs.
 *
 * Two checks watch the money. At every checkpoint, risk's sums are compared with running totals made from the entries
 * alone: that finds an entry lost, doubled or understood in two ways by risk and settlement. Now and then (`sum`) the
 * ledger compares them with the sum of its rows: that finds a row changed, lost or written wrongly.
 */
export class SettlementStream {
  readonly input: Input
  readonly counts: Record<Verdict, number> = { next: 0, repeat: 0, gap: 0, stale: 0 }
  readonly #limits: StreamLimits
  readonly #inbound: InboundStream
  readonly #running: RunningTotals
  readonly #ready: Batch[] = []
  #draft: BatchDraft
  /** Where the last finished batch ends. */
  #position: Position
  #log: string
  #next: number
  #time: number
  /** The record before `#next`, where this stream has read it; else the position has its hash. */
  #lastRecord: Buffer | undefined
  #checkpoints = 0

  constructor(input: Input, position: Position, limits: StreamLimits = LIMITS) {
    this.input = input
    this.#limits = limits
    this.#inbound = InboundStream.resume(
      { epoch: position.epoch, sequence: position.lastSequence },
      hashFromText(position.lastHash),
    )
    this.#running = new RunningTotals(position)
    this.#draft = new BatchDraft(input, this.#running)
    this.#position = position
    this.#log = position.log
    this.#next = position.nextOffset
    this.#time = position.lastTime
  }

  /** The next offset to read. The record before it may come once more first, to show that this is the same log. */
  get next(): number {
    return this.#next
  }

  /** Entries read that no batch given out contains. */
  get pending(): number {
    return this.#ready.reduce((sum, { entries }) => sum + entries, this.#draft.entries)
  }

  read(record: LogRecord): void {
    if (record.offset < this.#next) return this.#compare(record)
    invariant(
      record.offset === this.#next,
      `${inputKey(this.input)}: read ${record.offset}, ${this.#next} is next`,
    )
    const frame = decodeFrame(record.value)
    if (frame.source.kind === 'genesis') this.#readGenesis(frame)
    else this.#readEntries(frame, record.value)
    this.#lastRecord = record.value
    this.#next++
  }

  /** The oldest batch; undefined where nothing was read that is not in one already. */
  take(): Batch | undefined {
    if (this.#ready.length === 0 && this.#next > this.#position.nextOffset) {
      this.#finish({ nextOffset: this.#next, lastRecord: this.#lastRecord, sum: false })
    }
    return this.#ready.shift()
  }

  #readGenesis({ entries: [first] }: Frame): void {
    const log = first?.entry.type === 'genesis' ? first.entry.log : ''
    if (this.#next !== 0 || log === '' || (this.#log !== '' && this.#log !== log)) {
      throw new WrongLogError(
        `${inputKey(this.input)} is log '${log}' at ${this.#next}, the ledger was built from '${this.#log}'`,
      )
    }
    this.#log = log
  }

  #readEntries(frame: Frame, record: Buffer): void {
    this.#checkOrigin(frame)
    const { epoch } = frame
    let before = frame.hashBefore
    frame.entries.forEach((framed, index) => {
      const verdict = this.#inbound.accept({ epoch, sequence: framed.sequence }, before, framed.bytes)
      this.counts[verdict]++
      before = verdict === 'next' ? this.#inbound.hash : hashAfter(before, framed.bytes)
      if (verdict !== 'next') return
      this.#draft.add(framed)
      this.#time = framed.time
      const { type } = framed.entry
      const sum = type === 'checkpoint' && this.#checkpoints++ % this.#limits.checkpointsPerSum === 0
      if (!sum && type !== 'marker' && this.#draft.entries < this.#limits.batchEntriesMax) return
      const isLast = index === frame.entries.length - 1
      if (isLast) this.#finish({ nextOffset: this.#next + 1, lastRecord: record, sum })
      else this.#finish({ nextOffset: this.#next, lastRecord: this.#lastRecord, sum })
    })
  }

  #checkOrigin({ source, sequence }: Frame): void {
    const { topic, partition } = this.input
    const kind = topic === 'risk.out' ? 'risk' : 'matching'
    if (this.#log === '')
      throw new WrongLogError(`${inputKey(this.input)} does not begin with a genesis record`)
    if (source.kind !== kind || source.shard !== partition || sequence === 0) {
      throw new WrongLogError(
        `${inputKey(this.input)} holds a frame of ${source.kind}/${source.shard} at ${this.#next}`,
      )
    }
  }

  #finish({
    nextOffset,
    lastRecord,
    sum,
  }: {
    nextOffset: number
    lastRecord: Buffer | undefined
    sum: boolean
  }): void {
    const after: Position = {
      log: this.#log,
      epoch: this.#inbound.epoch,
      nextOffset,
      lastRecord: lastRecord === undefined ? this.#position.lastRecord : hashText(hashOf(lastRecord)),
      lastSequence: this.#inbound.sequence,
      lastHash: hashText(this.#inbound.hash),
      lastTime: this.#time,
      ...this.#running.stored(),
    }
    this.#ready.push(this.#draft.finish({ before: this.#position, after, sum }))
    this.#position = after
    this.#draft = new BatchDraft(this.input, this.#running)
  }

  #compare({ offset, value }: LogRecord): void {
    if (offset !== this.#next - 1) return
    const hash =
      this.#lastRecord === undefined ? this.#position.lastRecord : hashText(hashOf(this.#lastRecord))
    if (hashText(hashOf(value)) === hash) return
    throw new WrongLogError(
      `${inputKey(this.input)}: the record at ${offset} is not the one the ledger was built from`,
    )
  }
}
