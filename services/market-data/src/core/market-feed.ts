import { invariant } from '@bourse/domain/result'
import { ByteReader, ByteWriter, MalformedError } from '@bourse/protocol/bytes'
import type { Entry } from '@bourse/protocol/entries'
import { decodeFrame, hashAfter, type Frame } from '@bourse/protocol/frame'
import { WrongLogError, type LogPosition, type LogRecord } from '@bourse/protocol/replica'
import { emptyHash, hashOf, sameHash, type StreamHash } from '@bourse/protocol/stream-hash'
import { InboundStream, type StreamPosition } from '@bourse/protocol/streams'
import { Market, type MarketChanges } from './market.ts'

const COUNTED_AS = { repeat: 'repeats', gap: 'gaps', stale: 'stale' } as const
const STATE_FORMAT = 1
const SYMBOLS_MAX = 65_535
const LOG_NAME_BYTES_MAX = 36

/** Faults seen on the log. They are about deliveries, so they are no part of the state. */
export type FeedCounts = { applied: number; repeats: number; gaps: number; stale: number }

/**
 * The markets of one partition of `orders.out`, as its log tells them. Pure: the shell reads records and writes caches.
 *
 * A command's entries may lie in several frames; between them the feed has nothing to publish.
 */
export class MarketFeed {
  readonly partition: number
  readonly counts: FeedCounts = { applied: 0, repeats: 0, gaps: 0, stale: 0 }
  readonly #markets: Map<number, Market>
  #stream = new InboundStream()
  #log = ''
  #withinCommand = false
  #next = 0
  #lastRecord: StreamHash = emptyHash

  constructor(partition: number, markets: readonly Market[] = []) {
    this.partition = partition
    this.#markets = new Map(markets.map((market) => [market.listing.symbol, market]))
  }

  /** The next offset to read, and the record before it. */
  get logPosition(): LogPosition {
    return { offset: this.#next, lastRecord: this.#lastRecord }
  }

  /** A publication stands here; a later one never has a lower position. */
  get streamPosition(): StreamPosition {
    return { epoch: this.#stream.epoch, sequence: this.#stream.sequence }
  }

  get streamHash(): StreamHash {
    return this.#stream.hash
  }

  /** Whether more frames of the last command are to come. */
  get withinCommand(): boolean {
    return this.#withinCommand
  }

  /** The log's name, as its first record gave it; empty before. */
  get log(): string {
    return this.#log
  }

  get markets(): Iterable<Market> {
    return this.#markets.values()
  }

  /**
   * Applies the next record; one before it is only compared with what was read there.
   *
   * @throws MalformedError for a frame that does not parse; WrongLogError when this is not the log that was read
   *   before; DivergenceError when an entry came again with other content. All of them are fatal.
   */
  read(record: LogRecord): void {
    const hash = hashOf(record.value)
    if (record.offset < this.#next) {
      if (record.offset === this.#next - 1 && !sameHash(hash, this.#lastRecord)) {
        throw new WrongLogError(`the record at offset ${record.offset} is not the one that was read there`)
      }
      return
    }
    invariant(record.offset === this.#next, `read offset ${record.offset}, ${this.#next} is next`)
    this.#applyFrame(decodeFrame(record.value))
    this.#next = record.offset + 1
    this.#lastRecord = hash
  }

  /** What changed since the last call, symbol by symbol. Nothing within a command. */
  takeChanges(): MarketChanges[] {
    if (this.#withinCommand) return []
    return [...this.#markets.values()].flatMap((market) => market.takeChanges() ?? [])
  }

  /** Takes everything for unknown to the readers. */
  changeAll(): void {
    for (const market of this.#markets.values()) market.changeAll()
  }

  encode(): Buffer {
    const writer = new ByteWriter(64 * 1024)
    writer.u8(STATE_FORMAT)
    writer.u16(this.partition)
    writer.text(this.#log, LOG_NAME_BYTES_MAX)
    writer.u32(this.#stream.epoch)
    writer.u8(this.#withinCommand ? 1 : 0)
    this.#stream.encode(writer)
    writer.u16(this.#markets.size)
    for (const market of this.#markets.values()) market.encode(writer)
    return writer.take()
  }

  /** Rebuilds a feed from `encode`'s bytes; `position` is where it stood then. Throws a MalformedError. */
  static decode(bytes: Buffer, position: LogPosition): MarketFeed {
    const reader = new ByteReader(bytes)
    const format = reader.u8()
    if (format !== STATE_FORMAT) throw new MalformedError(`checkpoint format ${format}`, 0)
    const partition = reader.u16()
    const log = reader.text(LOG_NAME_BYTES_MAX)
    const epoch = reader.u32()
    const withinCommand = reader.u8() === 1
    const stream = InboundStream.decode(reader, epoch)
    const feed = new MarketFeed(
      partition,
      Array.from({ length: reader.u16() }, () => Market.decode(reader)),
    )
    reader.finish()
    feed.#log = log
    feed.#withinCommand = withinCommand
    feed.#stream = stream
    feed.#next = position.offset
    feed.#lastRecord = position.lastRecord
    return feed
  }

  #applyFrame(frame: Frame): void {
    const { kind, shard } = frame.source
    if (kind === 'genesis') return this.#readGenesis(frame)
    if (this.#log === '') throw new WrongLogError('the log does not begin with its name')
    if (kind !== 'matching' || shard !== this.partition) {
      throw new MalformedError(`a frame of ${kind}/${shard} among those of matching/${this.partition}`, 4)
    }
    this.#applyEntries(frame)
  }

  #applyEntries(frame: Frame): void {
    const { epoch } = frame
    let before = frame.hashBefore
    for (const { sequence, bytes, entry, time } of frame.entries) {
      const verdict = this.#stream.accept({ epoch, sequence }, before, bytes)
      if (verdict !== 'next') {
        this.counts[COUNTED_AS[verdict]]++
        before = hashAfter(before, bytes)
        continue
      }
      before = this.#stream.hash
      this.counts.applied++
      this.#applyEntry(entry, time)
      this.#withinCommand = !frame.endsCommand
    }
  }

  #applyEntry(entry: Entry, time: number): void {
    switch (entry.type) {
      case 'symbolListed': {
        const { symbol, name } = entry.listing
        invariant(!this.#markets.has(symbol), `${name} is listed twice`)
        invariant(this.#markets.size < SYMBOLS_MAX, `more than ${SYMBOLS_MAX} symbols`)
        this.#markets.set(symbol, new Market(entry.listing))
        return
      }
      case 'symbolStateChanged':
        return this.#market(entry.symbol).setState(entry.state)
      case 'level':
        return this.#market(entry.symbol).setLevel(entry, time)
      case 'trade':
        return this.#market(entry.symbol).addTrade(entry, time)
      case 'marker':
        return
      case 'epoch':
        // Readers take the new epoch's numbers for another history: they are given all of it.
        return this.changeAll()
      default:
        throw new Error(`orders.out carries no ${entry.type}`)
    }
  }

  #market(symbol: number): Market {
    const market = this.#markets.get(symbol)
    invariant(market !== undefined, `symbol ${symbol} is not listed`)
    return market
  }

  #readGenesis(frame: Frame): void {
    const [first] = frame.entries
    if (first?.entry.type !== 'genesis') throw new MalformedError('a genesis frame names no log', 0)
    const { log } = first.entry
    if (this.#log !== '' && this.#log !== log) {
      throw new WrongLogError(`this is log ${log}, the state was built from log ${this.#log}`)
    }
    this.#log = log
  }
}
