import { MalformedError } from '@bourse/protocol/bytes'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame, hashAfter, type Frame, type FramedEntry } from '@bourse/protocol/frame'
import { WrongLogError, type LogRecord } from '@bourse/protocol/replica'
import { emptyHash, hashFromText, hashOf, hashText, type StreamHash } from '@bourse/protocol/stream-hash'
import { FIRST_EPOCH, InboundStream, type Verdict } from '@bourse/protocol/streams'
import { dayOf, outputKey, type EventRow, type EventsFile, type Output, type Position } from './position.ts'
import { TablesError } from './tables-error.ts'

/** The log's name, as its first record says it. @throws WrongLogError where it is no such record */
export function logNamedBy(value: Buffer): string {
  const [first] = decodeFrame(value).entries
  if (first?.entry.type === 'genesis') return first.entry.log
  throw new WrongLogError('the log does not begin with its first record')
}

/** Before anything was read of a log. */
export const startOf = (log: string): Position => ({
  log,
  nextOffset: 0,
  lastRecord: hashText(emptyHash),
  epoch: FIRST_EPOCH,
  lastSequence: 0,
  lastHash: hashText(emptyHash),
  lastTime: 0,
  listings: [],
})

/**
 * Turns an output's records into rows, from a position on. Pure. A repeated entry is dropped, one beyond the next
 * ignored (its sender writes again what is missing), one of an epoch that is over refused; all are counted.
 *
 * Throws, and is of no use afterwards: MalformedError, DivergenceError, WrongLogError, TablesError `log_incomplete`.
 */
export class EventReader {
  readonly counts: Record<Verdict, number> = { next: 0, repeat: 0, gap: 0, stale: 0 }
  readonly #output: Output
  readonly #log: string
  readonly #inbound: InboundStream
  #next: number
  #lastRecord: string
  #time: number
  #listings: Position['listings']
  readonly #listed: Set<number>

  constructor(output: Output, position: Position) {
    this.#output = output
    this.#log = position.log
    this.#inbound = InboundStream.resume(
      { epoch: position.epoch, sequence: position.lastSequence },
      hashFromText(position.lastHash),
    )
    this.#next = position.nextOffset
    this.#lastRecord = position.lastRecord
    this.#time = position.lastTime
    this.#listings = position.listings
    this.#listed = new Set(position.listings.map(({ symbol }) => symbol))
  }

  /** The next offset to read. Records before it are passed over. */
  get next(): number {
    return this.#next
  }

  get lastSequence(): number {
    return this.#inbound.sequence
  }

  /** A record's new rows, with the position behind them: none, or one part for each day that the record touches. */
  read({ offset, value }: LogRecord): readonly EventsFile[] {
    if (offset < this.#next) return []
    if (offset > this.#next)
      throw new TablesError('log_incomplete', `offset ${offset} comes after ${this.#next - 1}`)
    const frame = decodeFrame(value)
    if (frame.source.kind === 'genesis') this.#readGenesis(value)
    else this.#checkOrigin(frame)
    const { parts, rows } = frame.source.kind === 'genesis' ? { parts: [], rows: [] } : this.#take(frame)
    this.#next = offset + 1
    this.#lastRecord = hashText(hashOf(value))
    if (rows.length > 0) parts.push({ rows, after: this.#position(this.#inbound) })
    return parts
  }

  /** `parts` are whole, `rows` belong to the day in which the record ends. */
  #take(frame: Frame): { parts: EventsFile[]; rows: EventRow[] } {
    const parts: EventsFile[] = []
    let rows: EventRow[] = []
    let before = frame.hashBefore
    for (const framed of frame.entries) {
      const { epoch, sequence, hash } = this.#inbound
      const verdict = this.#inbound.accept(
        { epoch: frame.epoch, sequence: framed.sequence },
        before,
        framed.bytes,
      )
      this.counts[verdict]++
      before = verdict === 'next' ? this.#inbound.hash : hashAfter(before, framed.bytes)
      if (verdict !== 'next') continue
      if (framed.time < this.#time)
        throw new MalformedError(`entry ${framed.sequence} is of ${framed.time}, after ${this.#time}`, 0)
      if (rows.length > 0 && dayOf(framed.time) !== dayOf(this.#time)) {
        parts.push({ rows, after: this.#position({ epoch, sequence, hash }) })
        rows = []
      }
      rows.push(this.#rowOf(framed))
    }
    return { parts, rows }
  }

  #rowOf({ sequence, time, entry }: FramedEntry): EventRow {
    this.#time = time
    if (entry.type === 'symbolListed' && this.#output.topic === 'orders.out') {
      const { symbol, name, tickDecimals, lotDecimals } = entry.listing
      this.#listed.add(symbol)
      this.#listings = [...this.#listings, { symbol, name, tickDecimals, lotDecimals }]
    }
    if (entry.type === 'trade' && !this.#listed.has(entry.symbol))
      throw new MalformedError(`entry ${sequence} trades symbol ${entry.symbol}, which is not listed`, 0)
    return { offset: this.#next, sequence, type: entry.type, body: bodyOf(entry), time }
  }

  #position(stream: { epoch: number; sequence: number; hash: StreamHash }): Position {
    return {
      log: this.#log,
      nextOffset: this.#next,
      lastRecord: this.#lastRecord,
      epoch: stream.epoch,
      lastSequence: stream.sequence,
      lastHash: hashText(stream.hash),
      lastTime: this.#time,
      listings: this.#listings,
    }
  }

  #readGenesis(value: Buffer): void {
    const log = logNamedBy(value)
    if (this.#next !== 0 || log !== this.#log)
      throw new WrongLogError(
        `${outputKey(this.#output)} at ${this.#next} begins log ${log}, not ${this.#log}`,
      )
  }

  #checkOrigin({ source: { kind, shard }, sequence }: Frame): void {
    const { topic, partition } = this.#output
    const wanted = topic === 'risk.out' ? 'risk' : 'matching'
    if (kind !== wanted || shard !== partition || sequence === 0)
      throw new WrongLogError(`${outputKey(this.#output)} holds a frame of ${kind}/${shard} at ${this.#next}`)
  }
}

function bodyOf(entry: Entry): string {
  return JSON.stringify({ ...entry, type: undefined }, (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
}
