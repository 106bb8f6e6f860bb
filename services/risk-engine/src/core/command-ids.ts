import { invariant } from '@bourse/domain/result'
import { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { Segment } from '@bourse/protocol/shard'

/** 64 bits that stand for an account and a command id. */
export type Fingerprint = { readonly high: number; readonly low: number }

/** What was answered first: an order's (or other) number, or a refusal. `content` is 32 bits of a hash. */
export type FirstAnswer = { readonly content: number; readonly number: number; readonly refusal: number }

const WORDS_PER_ID = 6
const REFUSED = 0xffff_ffff

/** Limits of one shard's memory of command ids. At a limit new orders are refused; nothing is forgotten early. */
export type IdLimits = {
  /** Ticks after which a segment is closed. */
  readonly segmentTicks: number
  /** Closed segments kept: together they are the window in which a repeated id is recognized. */
  readonly segmentsKept: number
  readonly idsMax: number
  readonly idsPerAccountMax: number
}

/** An hour at one tick a second, and 24 bytes for each of four million ids. */
export const ID_LIMITS: IdLimits = {
  segmentTicks: 300,
  segmentsKept: 12,
  idsMax: 4_000_000,
  idsPerAccountMax: 1_000_000,
}

/**
 * The ids of commands answered lately, in segments of time. A segment that is closed never changes, so snapshots only
 * refer to it. Looked up from the newest segment to the oldest.
 */
export class CommandIds {
  readonly #limits: IdLimits
  #open: IdSegment
  #closed: IdSegment[] = []
  #ticksInOpen = 0
  #count = 0
  readonly #perAccount = new Map<number, number>()

  constructor(limits: IdLimits = ID_LIMITS) {
    this.#limits = limits
    this.#open = new IdSegment(1)
  }

  get count(): number {
    return this.#count
  }

  /** Number of the segment that new ids go to. */
  get segment(): number {
    return this.#open.id
  }

  /** Whether the account, or the whole shard, may not add another id now. */
  full(account: number): boolean {
    return (
      this.#count >= this.#limits.idsMax ||
      (this.#perAccount.get(account) ?? 0) >= this.#limits.idsPerAccountMax
    )
  }

  find(account: number, key: Fingerprint): FirstAnswer | undefined {
    const found = this.#open.find(account, key)
    if (found !== undefined) return found
    for (let i = this.#closed.length - 1; i >= 0; i--) {
      const answer = this.#closed[i]?.find(account, key)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  /** Remembers an answer until the window after the present segment has passed. */
  add(account: number, key: Fingerprint, answer: FirstAnswer): void {
    this.#open.add(account, key, answer)
    this.#count++
    this.#perAccount.set(account, (this.#perAccount.get(account) ?? 0) + 1)
  }

  /** One applied tick. Returns the number of the segment that was forgotten, if one was. */
  tick(): number | undefined {
    this.#ticksInOpen++
    if (this.#ticksInOpen < this.#limits.segmentTicks) return undefined
    this.#ticksInOpen = 0
    this.#closed.push(this.#open)
    this.#open = new IdSegment(this.#open.id + 1)
    return this.#closed.length > this.#limits.segmentsKept ? this.#forgetOldest() : undefined
  }

  segments(): readonly Segment[] {
    return this.#closed.map((segment) => ({ id: segment.id, body: segment.body() }))
  }

  encode(writer: ByteWriter): void {
    writer.safe(this.#ticksInOpen)
    writer.u16(this.#closed.length)
    for (const { id, count } of this.#closed) {
      writer.safe(id)
      writer.u32(count)
    }
    writer.safe(this.#open.id)
    writer.u32(this.#open.count)
    writer.bytes(this.#open.body())
  }

  static decode(reader: ByteReader, segments: readonly Segment[], limits: IdLimits = ID_LIMITS): CommandIds {
    const ids = new CommandIds(limits)
    ids.#ticksInOpen = reader.safe()
    const bodies = new Map(segments.map(({ id, body }) => [id, body]))
    const closed = reader.u16()
    for (let i = 0; i < closed; i++) {
      const id = reader.safe()
      const count = reader.u32()
      const body = bodies.get(id)
      invariant(
        body?.length === count * IdSegment.idBytes,
        `the snapshot lacks segment ${id} of ${count} ids`,
      )
      ids.#closed.push(IdSegment.restore(id, body))
    }
    const id = reader.safe()
    ids.#open = IdSegment.restore(id, reader.bytes(reader.u32() * IdSegment.idBytes))
    for (const segment of [...ids.#closed, ids.#open]) {
      ids.#count += segment.count
      for (const [account, count] of segment.perAccount) {
        ids.#perAccount.set(account, (ids.#perAccount.get(account) ?? 0) + count)
      }
    }
    return ids
  }

  #forgetOldest(): number | undefined {
    const oldest = this.#closed.shift()
    if (oldest === undefined) return undefined
    this.#count -= oldest.count
    for (const [account, count] of oldest.perAccount) {
      const left = (this.#perAccount.get(account) ?? 0) - count
      if (left > 0) this.#perAccount.set(account, left)
      else this.#perAccount.delete(account)
    }
    return oldest.id
  }
}

/** Ids of one stretch of time: an append-only table, and an index by open addressing beside it. */
class IdSegment {
  /** Key (two words), content, answer (two words), and the account whose share it takes. */
  static readonly idBytes = WORDS_PER_ID * 4
  readonly id: number
  readonly perAccount = new Map<number, number>()
  #words = new Uint32Array(64 * WORDS_PER_ID)
  #index = new Int32Array(256)
  #count = 0

  constructor(id: number) {
    this.id = id
  }

  static restore(id: number, body: Buffer): IdSegment {
    const segment = new IdSegment(id)
    const reader = new ByteReader(body)
    while (reader.position < body.length) {
      segment.#append([reader.u32(), reader.u32(), reader.u32(), reader.u32(), reader.u32(), reader.u32()])
    }
    return segment
  }

  get count(): number {
    return this.#count
  }

  /** The account is compared too: nobody's id can be met by another's, whatever the fingerprints. */
  find(account: number, { high, low }: Fingerprint): FirstAnswer | undefined {
    const mask = this.#index.length - 1
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const entry = (this.#index[slot] ?? 0) - 1
      if (entry < 0) return undefined
      const at = entry * WORDS_PER_ID
      if (this.#is(at, { high, low, account })) return this.#answer(at)
    }
  }

  add(account: number, key: Fingerprint, { content, number, refusal }: FirstAnswer): void {
    const answer = refusal > 0 ? [refusal, REFUSED] : [number % 2 ** 32, Math.floor(number / 2 ** 32)]
    this.#append([key.high, key.low, content, ...answer, account])
  }

  /** A view, not a copy: a closed segment never changes, an open one is written out at once. */
  body(): Buffer {
    return Buffer.from(this.#words.buffer, 0, this.#count * IdSegment.idBytes)
  }

  #answer(at: number): FirstAnswer {
    const content = this.#word(at + 2)
    const low = this.#word(at + 3)
    const high = this.#word(at + 4)
    return high === REFUSED
      ? { content, number: 0, refusal: low }
      : { content, number: high * 2 ** 32 + low, refusal: 0 }
  }

  #append(words: readonly number[]): void {
    const at = this.#count * WORDS_PER_ID
    if (at + WORDS_PER_ID > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2)
      larger.set(this.#words)
      this.#words = larger
    }
    this.#words.set(words, at)
    this.#count++
    const account = this.#word(at + WORDS_PER_ID - 1)
    this.perAccount.set(account, (this.perAccount.get(account) ?? 0) + 1)
    if (this.#count * 2 > this.#index.length) this.#reindex()
    else this.#place(this.#count - 1)
  }

  #reindex(): void {
    this.#index = new Int32Array(this.#index.length * 2)
    for (let entry = 0; entry < this.#count; entry++) this.#place(entry)
  }

  /** A later entry of the same key is found first, because it takes the earlier one's place. */
  #place(entry: number): void {
    const mask = this.#index.length - 1
    const at = entry * WORDS_PER_ID
    const low = this.#word(at + 1)
    const id = { high: this.#word(at), low, account: this.#word(at + WORDS_PER_ID - 1) }
    let slot = low & mask
    for (; (this.#index[slot] ?? 0) !== 0; slot = (slot + 1) & mask) {
      const other = ((this.#index[slot] ?? 0) - 1) * WORDS_PER_ID
      if (this.#is(other, id)) break
    }
    this.#index[slot] = entry + 1
  }

  #is(at: number, { high, low, account }: Fingerprint & { account: number }): boolean {
    return (
      this.#word(at) === high && this.#word(at + 1) === low && this.#word(at + WORDS_PER_ID - 1) === account
    )
  }

  #word(at: number): number {
    return this.#words[at] ?? 0
  }
}
