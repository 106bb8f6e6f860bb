import { formatDecimal } from '@bourse/domain/units'
import { askUntilDefinite, type Asked } from './ask-again.ts'
import { orderIdOf, type Answer } from './exchange-client.ts'
import { LOT_DECIMALS, RECORDED_SYMBOL, untilDone, type Trader } from './market.ts'
import type { RecordedEvent } from './recorded-orders.ts'
import { Tally } from './tally.ts'
import { Timeline } from './timeline.ts'
import { Turnstile } from './turnstile.ts'

export type Pace =
  | { readonly kind: 'max' }
  /** As fast as recorded, times `factor`. */
  | { readonly kind: 'recorded'; readonly factor: number }
  | { readonly kind: 'rate'; readonly perSecond: number }

export type ReplayOptions = {
  readonly events: readonly RecordedEvent[]
  readonly traders: readonly Trader[]
  readonly run: string
  readonly pace: Pace
  readonly inFlightMax: number
  readonly wantResult: boolean
  readonly loops: number
  /** No new loop begins after this many seconds, and the loop under way ends there. */
  readonly secondsMax: number
  /** Latencies of commands that are due in these first seconds do not count. */
  readonly warmUpSeconds: number
  readonly onProgress: (done: number, loop: number) => void
}

export type ReplayReport = {
  readonly orders: Tally
  readonly cancels: Tally
  /** Cancels never sent, because their order was refused. */
  readonly cancelsOfRefused: number
  readonly timeline: Timeline
  /** Of all those sent. */
  readonly warmUpCommands: number
  readonly loops: number
  readonly seconds: number
}

/** Plays a recording through the public API. Ids carry run and loop, and every loop ends with cancel-all, so no loop repeats another. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const began = performance.now()
  const player = new Player(options, began)
  let loops = 0
  const over = (): boolean => performance.now() - began > options.secondsMax * 1_000
  while (loops < options.loops && !over()) {
    await player.play(loops, over)
    loops++
  }
  const { orders, cancels, cancelsOfRefused, timeline, warmUpCommands } = player
  const seconds = (performance.now() - began) / 1_000
  return { orders, cancels, cancelsOfRefused, timeline, warmUpCommands, loops, seconds }
}

class Player {
  readonly orders = new Tally()
  readonly cancels = new Tally()
  readonly timeline: Timeline
  cancelsOfRefused = 0
  warmUpCommands = 0
  readonly #options: ReplayOptions
  readonly #turnstile: Turnstile
  readonly #warmAt: number

  constructor(options: ReplayOptions, began: number) {
    this.#options = options
    this.#turnstile = new Turnstile(options.inFlightMax)
    this.#warmAt = began + options.warmUpSeconds * 1_000
    this.timeline = new Timeline(began)
  }

  async play(loop: number, over: () => boolean): Promise<void> {
    const { events, pace, run, traders } = this.#options
    const answers = new Map<string, Promise<Answer>>()
    const began = performance.now()
    const first = events[0]?.at ?? 0
    let done = 0
    for (const event of events) {
      if (over()) break
      // At full speed nothing is planned: a command is due when its turn comes.
      const due = pace.kind === 'max' ? 0 : began + planned(pace, event.at - first, done)
      await this.#turnstile.enter(due)
      const now = performance.now()
      const from = pace.kind === 'max' ? now : due
      this.timeline.sent(from, now - from)
      const trader = this.#traderOf(event.id)
      if (event.type === 'create') answers.set(event.id, this.#create(event, { trader, loop, from }))
      else void this.#cancel(event.id, answers.get(event.id), { trader, loop, from })
      done++
      this.#options.onProgress(done, loop)
    }
    await this.#turnstile.empty()
    for (const { client, owner } of traders) {
      const commandId = `${run}-${loop}-all-${owner}`
      await untilDone(() => client.cancelAll(RECORDED_SYMBOL, commandId), `cancelling all of ${owner}`)
    }
  }

  async #create(event: RecordedEvent & { type: 'create' }, { trader, loop, from }: Turn): Promise<Answer> {
    const { run, wantResult } = this.#options
    const order = {
      symbol: RECORDED_SYMBOL,
      side: event.side,
      type: 'limit',
      price: event.price,
      quantity: formatDecimal(event.volume, LOT_DECIMALS),
      client_order_id: `${run}-${loop}-${event.id}`,
    }
    const asked = await askUntilDefinite(() => trader.client.order(order, { wantResult }))
    this.#note(this.orders, asked, from)
    this.#turnstile.leave()
    return asked.answer
  }

  /** A cancel goes out once its order was answered. One that waits takes no place, or a stalled order would stop all. */
  async #cancel(
    id: string,
    created: Promise<Answer> | undefined,
    { trader, loop, from }: Turn,
  ): Promise<void> {
    this.#turnstile.leave()
    const answer = await created
    if (answer?.code !== 'accepted') {
      this.cancelsOfRefused++
      return
    }
    await this.#turnstile.enter(0)
    const orderId = orderIdOf(answer)
    const commandId = `${this.#options.run}-${loop}-cancel-${id}`
    this.#note(this.cancels, await askUntilDefinite(() => trader.client.cancel(orderId, commandId)), from)
    this.#turnstile.leave()
  }

  /** @param from when the command was due: waiting for its turn counts, so that a stall is not omitted */
  #note(tally: Tally, asked: Asked, from: number): void {
    const latencyMs = performance.now() - from
    tally.count(asked)
    this.timeline.answered(from, latencyMs)
    if (from < this.#warmAt) this.warmUpCommands++
    else tally.time(latencyMs)
  }

  /** The same recorded order always belongs to the same trader. */
  #traderOf(id: string): Trader {
    const { traders } = this.#options
    const trader = traders[Number(BigInt(id) % BigInt(traders.length))]
    if (trader === undefined) throw new Error('a replay needs at least one trader')
    return trader
  }
}

type Turn = { readonly trader: Trader; readonly loop: number; readonly from: number }

/** Milliseconds after the loop's beginning at which a command is due. */
function planned(pace: Exclude<Pace, { kind: 'max' }>, recordedMs: number, sentBefore: number): number {
  return pace.kind === 'recorded' ? recordedMs / pace.factor : (sentBefore * 1_000) / pace.perSecond
}
