import type { Entry, EntryOf, ReplyAddress } from '@bourse/protocol/entries'
import { decodeFrame, encodeCommands } from '@bourse/protocol/frame'
import { REPLY_PARTITIONS, type Log } from './log.ts'
import { SimulatedProducer } from './producer.ts'
import type { World } from './world.ts'

const FLUSH_MS = 6
const POLL_MS = 8
const REQUESTS_KEPT = 5_000

export type OnReply = (reply: EntryOf<'reply'>) => void

/** Writes clients' commands into risk.in, a few to a frame, and gives them the answers that come back to its address. */
export class Gateway {
  readonly #world: World
  readonly #log: Log
  #instance = 0
  #partition = 0
  #next = 0
  #lastRequest = 0
  #requests = new Map<number, OnReply>()
  #waiting: { readonly shard: number; readonly entry: Entry }[] = []
  #producer: SimulatedProducer

  constructor(world: World, log: Log) {
    this.#world = world
    this.#log = log
    this.#producer = this.#begin()
    world.every(FLUSH_MS, () => (this.#flush(), true))
    world.every(POLL_MS, () => (this.#poll(), true))
    if (world.weather.gatewayCrashMs > 0) world.every(world.weather.gatewayCrashMs, () => this.#crash())
  }

  /** Commands neither in the log nor given up. */
  get inFlight(): number {
    return this.#waiting.length + this.#producer.inFlight
  }

  /** Sends a command whose answer comes back to the address that it is given, if it comes. */
  send(shard: number, build: (replyTo: ReplyAddress) => Entry, onReply: OnReply): void {
    const request = ++this.#lastRequest
    this.#requests.set(request, onReply)
    if (this.#requests.size > REQUESTS_KEPT) throw new Error('more requests than a gateway keeps')
    const replyTo = { partition: this.#partition, instance: this.#instance, request }
    this.#waiting.push({ shard, entry: build(replyTo) })
  }

  /** Sends what nobody answers. */
  post(shard: number, entry: Entry): void {
    this.#waiting.push({ shard, entry })
  }

  #begin(): SimulatedProducer {
    const { random } = this.#world
    this.#instance = random.between(1, 0xffff_fffe)
    this.#partition = random.below(REPLY_PARTITIONS)
    this.#next = this.#log.end('replies', this.#partition)
    this.#requests = new Map()
    this.#waiting = []
    return new SimulatedProducer(
      this.#world,
      this.#log,
      () => false,
      (run) => run(),
    )
  }

  #crash(): boolean {
    if (this.#world.weather.gatewayCrashMs === 0) return false
    this.#world.faults.gateway_crash.drawn++
    this.#world.bit('gateway_crash', this.#requests.size > 0 ? 1 : 0)
    this.#world.story.tell(this.#world.now, () => `a gateway crashes with ${this.#requests.size} requests`)
    this.#producer.cut()
    this.#producer = this.#begin()
    return true
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const shard of new Set(waiting.map((command) => command.shard))) {
      const entries = waiting.filter((command) => command.shard === shard).map(({ entry }) => entry)
      // A delivery error is not fatal to a gateway: the command's outcome is unknown, and its client asks again.
      this.#producer.send('risk.in', shard, encodeCommands(entries), () => undefined)
    }
  }

  #poll(): void {
    const records = this.#log.fetch('replies', this.#partition, this.#next)
    this.#next += records.length
    for (const { value } of records) {
      for (const { entry } of decodeFrame(value).entries) {
        if (entry.type === 'reply' && entry.instance === this.#instance) this.#deliver(entry)
      }
    }
  }

  #deliver(reply: EntryOf<'reply'>): void {
    if (this.#world.draws('lost_reply', this.#world.weather.lostReply)) return
    this.#requests.get(reply.request)?.(reply)
  }
}
