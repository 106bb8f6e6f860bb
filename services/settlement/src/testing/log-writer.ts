import type { Entry } from '@bourse/protocol/entries'
import { encodeCommands, encodeEntry, encodeFrame, hashAfter, type Source } from '@bourse/protocol/frame'
import type { LogRecord } from '@bourse/protocol/replica'
import { emptyHash, type StreamHash } from '@bourse/protocol/stream-hash'

/** Writes one partition as a shard would: entries in sequence, put into records as a test wants them. */
export class LogWriter {
  readonly records: LogRecord[] = []
  readonly #source: Source
  readonly #entries: { readonly bytes: Buffer; readonly before: StreamHash }[] = []
  #hash = emptyHash
  #recorded = 0

  constructor(source: Source, log = 'log-1') {
    this.#source = source
    const genesis = encodeEntry({ type: 'genesis', log }, { version: 1, cause: 0, time: 0 })
    this.#push(
      encodeFrame(
        {
          source: { kind: 'genesis', shard: 0 },
          epoch: 0,
          sequence: 0,
          hashBefore: emptyHash,
          endsCommand: true,
        },
        [genesis],
      ),
    )
  }

  /** Of the last entry appended. */
  get sequence(): number {
    return this.#entries.length
  }

  /** Appends an entry to the stream; it reaches the log with `flush` or `record`. */
  append(entry: Entry, time: number): number {
    const bytes = encodeEntry(entry, { version: 1, cause: this.sequence + 1, time })
    this.#entries.push({ bytes, before: this.#hash })
    this.#hash = hashAfter(this.#hash, bytes)
    return this.sequence
  }

  /** One record of all that none has yet. */
  flush(): void {
    if (this.sequence > this.#recorded) this.record(this.#recorded + 1, this.sequence)
  }

  /** A record of the entries `from` to `to`, both included, whether or not the log has them already. */
  record(from: number, to: number, epoch = 1): void {
    const entries = this.#entries.slice(from - 1, to)
    const hashBefore = entries[0]?.before ?? emptyHash
    const bytes = entries.map((entry) => entry.bytes)
    this.#push(
      encodeFrame({ source: this.#source, epoch, sequence: from, hashBefore, endsCommand: true }, bytes),
    )
    this.#recorded = Math.max(this.#recorded, to)
  }

  /** A record that does not belong here: one of a gateway. */
  recordCommand(): void {
    this.#push(encodeCommands([{ type: 'tick', number: 1 }]))
  }

  #push(value: Buffer): void {
    this.records.push({ offset: this.records.length, timestamp: 0, value })
  }
}
