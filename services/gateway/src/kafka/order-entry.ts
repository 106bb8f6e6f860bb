import { encodeEntry, encodeFrame } from '@bourse/protocol/frame'
import { emptyHash } from '@bourse/protocol/stream-hash'
import type { Entry, ReplyAddress } from '@bourse/protocol/entries'
import type { KafkaError } from '@bourse/platform/kafka/error'
import { LogClock } from '../core/log-clock.ts'
import { PendingReplies, type Failure, type Reply } from '../core/pending-replies.ts'

/** Entries and bytes of one frame. A burst beyond them goes into several. */
export const ENTRIES_PER_FRAME_MAX = 1_000
const ENTRY_BYTES_MAX = 4_096
const FRAME_BYTES_TARGET = 128 * 1024
/**
 * Frames of a shard without the broker's acknowledgement; beyond, commands gather in the next one until it comes or is
 * full. A lone command goes at once, and a busy gateway sends fewer and larger frames: every process behind it is
 * woken less often. (Nagle's algorithm, https://www.rfc-editor.org/rfc/rfc896)
 */
export const FRAMES_UNDER_WAY_MAX = 1
/** How often time-outs and lag are looked at. */
const SWEEP_INTERVAL_MS = 100
/** A shard from which nothing was heard for so long, although something waits, is asked for a sign of life. */
const PROBE_AFTER_MS = 1_000
const REQUEST_MAX = 2 ** 32 - 1

/** Nothing of the command was done (`overloaded`), or nobody knows (`outcome_unknown`): asking again is safe. */
export class SubmitError extends Error {
  override readonly name = 'SubmitError'
  readonly code: Failure
  constructor(code: Failure) {
    super(code)
    this.code = code
  }
}

type Addressed = Extract<Entry, { readonly replyTo: ReplyAddress }>
/** A command before it has an address and a deadline. */
export type Command = Addressed extends infer Each
  ? Each extends Addressed
    ? Omit<Each, 'replyTo' | 'deadline'>
    : never
  : never

/** Puts a command into a shard's input; resolves with the shard's answer, be it yes or no. @throws SubmitError */
export type Submit = (shard: number, command: Command) => Promise<Reply>

export type OrderEntryOptions = {
  readonly shards: number
  /** Where answers come to: a partition of `replies`, and this process's own random number. */
  readonly partition: number
  readonly instance: number
  /** Writes a frame into a shard's input. Throws when the frame was not taken. */
  readonly send: (shard: number, frame: Buffer, onDelivered: (error: KafkaError | undefined) => void) => void
  /** Milliseconds of this machine's clock. */
  readonly now: () => number
  readonly inFlightMax: number
  readonly shedReplyLagMs: number
  readonly requestTimeoutMs: number
  readonly orderDeadlineMs: number
  readonly events: OrderEntryEvents
}

/** What is worth counting. */
export type OrderEntryEvents = {
  readonly shed: (reason: 'in_flight' | 'reply_lag') => void
  /** So many commands were not answered in time. */
  readonly unanswered: (count: number) => void
  readonly lateReply: () => void
  /** A frame of so many commands was not taken or given up. */
  readonly undelivered: (error: KafkaError, failure: Failure, count: number) => void
  readonly framed: (entries: number) => void
}

/**
 * The way from HTTP into the risk shards' inputs and back. Commands that arrive while a shard's last frame is under way
 * share the next one; answers find their commands by request number.
 */
export class OrderEntry {
  readonly #options: OrderEntryOptions
  readonly #shards: readonly ShardEntry[]
  readonly #clock = new LogClock()
  #request = 0
  #inFlight = 0
  #flushing = false

  constructor(options: OrderEntryOptions) {
    this.#options = options
    this.#shards = Array.from({ length: options.shards }, () => new ShardEntry())
  }

  /** Commands without an answer. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Every shard has answered since this process began. */
  get ready(): boolean {
    return this.#shards.every(({ pending }) => pending.heardAt > -Infinity)
  }

  /** As of the last sweep. Milliseconds. */
  replyLag(shard: number): number {
    return this.#shardEntry(shard).lagMs
  }

  readonly submit: Submit = (shard, command) => {
    const entry = this.#shardEntry(shard)
    const { inFlightMax, shedReplyLagMs } = this.#options
    if (this.#inFlight >= inFlightMax) return this.#shed('in_flight')
    if (entry.lagMs > shedReplyLagMs && command.type !== 'ping') return this.#shed('reply_lag')
    return new Promise((resolve, reject) => {
      this.#enqueue(shard, command, (outcome) => {
        if (typeof outcome === 'string') reject(new SubmitError(outcome))
        else resolve(outcome)
      })
    })
  }

  /** Takes an answer that was addressed to this process. */
  receive(reply: Reply, time: number): void {
    const now = this.#options.now()
    const waiting = this.#shards[reply.shard]?.pending.answered(reply, now)
    if (waiting === undefined) this.#options.events.lateReply()
    else if (waiting.prompt) this.#clock.observe({ time, sentAt: waiting.sentAt, receivedAt: now })
  }

  /** Looks after time-outs and lag until `signal` is aborted. */
  sweepUntil(signal: AbortSignal): void {
    const timer = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS)
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  }

  sweep(): void {
    const now = this.#options.now()
    for (const [shard, entry] of this.#shards.entries()) {
      const expired = entry.pending.expire(now - this.#options.requestTimeoutMs)
      if (expired > 0) this.#options.events.unanswered(expired)
      entry.lagMs = entry.pending.lagAt(now)
      const silent = now - Math.max(entry.pending.heardAt, entry.probedAt) >= PROBE_AFTER_MS
      if (silent && (entry.pending.size > 0 || entry.pending.heardAt === -Infinity)) this.#probe(shard, now)
    }
  }

  #probe(shard: number, now: number): void {
    this.#shardEntry(shard).probedAt = now
    this.#enqueue(shard, { type: 'ping' }, () => {})
  }

  #enqueue(shard: number, command: Command, settle: (outcome: Reply | Failure) => void): void {
    const { partition, instance, now, orderDeadlineMs } = this.#options
    const entry = this.#shardEntry(shard)
    const request = this.#nextRequest()
    const sentAt = now()
    const deadline = Math.max(0, Math.ceil(this.#clock.at(sentAt)) + orderDeadlineMs)
    const addressed = { ...command, deadline, replyTo: { partition, instance, request } } as Entry
    const bytes = encodeEntry(addressed, { version: 0, cause: 0, time: 0 })
    if (bytes.length > ENTRY_BYTES_MAX) throw new RangeError(`a ${command.type} of ${bytes.length} bytes`)
    if (entry.bytes + bytes.length > FRAME_BYTES_TARGET || entry.entries.length === ENTRIES_PER_FRAME_MAX) {
      this.#send(shard, entry)
    }
    entry.entries.push(bytes)
    entry.requests.push(request)
    entry.bytes += bytes.length
    this.#inFlight++
    const prompt = !('wantResult' in command && command.wantResult)
    entry.pending.add(request, {
      sentAt,
      prompt,
      settle: (outcome) => {
        this.#inFlight--
        settle(outcome)
      },
    })
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    // Runs when the sockets that were readable in this turn have been read.
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    for (const [shard, entry] of this.#shards.entries()) this.#sendNext(shard, entry)
  }

  #sendNext(shard: number, entry: ShardEntry): void {
    if (entry.entries.length > 0 && entry.framesUnderWay < FRAMES_UNDER_WAY_MAX) this.#send(shard, entry)
  }

  #send(shard: number, entry: ShardEntry): void {
    const { send, events } = this.#options
    const { entries, requests } = entry.takeFrame()
    const abandon = (error: KafkaError, failure: Failure) => {
      events.undelivered(error, failure, requests.length)
      entry.pending.abandon(requests, failure)
    }
    events.framed(entries.length)
    entry.framesUnderWay++
    try {
      send(shard, encodeFrame(FRAME, entries), (error) => {
        entry.framesUnderWay--
        // Given up by the client, yet perhaps in the log: nobody knows.
        if (error !== undefined) abandon(error, 'outcome_unknown')
        this.#sendNext(shard, entry)
      })
    } catch (error) {
      entry.framesUnderWay--
      abandon(error as KafkaError, 'overloaded')
    }
  }

  #shed(reason: 'in_flight' | 'reply_lag'): Promise<never> {
    this.#options.events.shed(reason)
    return Promise.reject(new SubmitError('overloaded'))
  }

  #nextRequest(): number {
    this.#request = this.#request === REQUEST_MAX ? 1 : this.#request + 1
    return this.#request
  }

  #shardEntry(shard: number): ShardEntry {
    const entry = this.#shards[shard]
    if (entry === undefined) throw new RangeError(`there is no risk shard ${shard}`)
    return entry
  }
}

/** What waits for one shard: to be sent, and to be answered. */
class ShardEntry {
  readonly pending = new PendingReplies()
  entries: Buffer[] = []
  requests: number[] = []
  bytes = 0
  framesUnderWay = 0
  lagMs = 0
  probedAt = -Infinity

  /** What has gathered, for one frame; the next one begins empty. */
  takeFrame(): { readonly entries: readonly Buffer[]; readonly requests: readonly number[] } {
    const { entries, requests } = this
    this.entries = []
    this.requests = []
    this.bytes = 0
    return { entries, requests }
  }
}

const FRAME = {
  source: { kind: 'gateway', shard: 0 },
  epoch: 0,
  sequence: 0,
  hashBefore: emptyHash,
  endsCommand: true,
} as const
