import { orderId } from '@bourse/domain/ids'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf, Side } from '@bourse/protocol/entries'
import { decodeFrame } from '@bourse/protocol/frame'
import { OrderBook } from './order-book.ts'
import { ReferenceBook } from './reference-book.ts'
import { account, newShard, OrdersIn } from '../testing/orders-in.ts'
import type { BookCommand, PlaceCommand } from '../testing/random-commands.ts'
import { Random } from '../testing/random.ts'

/**
 * Commands per second of the book, and of its slow twin beside it, on seeded workloads. A cancel and a new order are two
 * commands. The clock runs over the commands alone: they are made, and the book is filled, before.
 */

type Workload = {
  readonly name: string
  readonly fill: readonly BookCommand[]
  readonly commands: readonly BookCommand[]
}

const PASSES = 9
/** The twin runs the same stream from an empty book for this long: it would need hours for a deep book. */
const REFERENCE_MS = 1_500

const OWNER = account(0)

class Stream {
  readonly #random: Random
  readonly #live: number[] = []
  #issued = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  get live(): number {
    return this.#live.length
  }

  place(side: Side, price: number, quantity: number, timeInForce: 'gtc' | 'ioc' = 'gtc'): PlaceCommand {
    const id = orderId(0, ++this.#issued)
    if (timeInForce === 'gtc') this.#live.push(id)
    const taker = {
      orderId: id,
      account: OWNER,
      createdAt: 1_700_000_000_000 + this.#issued,
      side,
      kind: 'limit',
      timeInForce,
      postOnly: false,
      quantity: lots(quantity),
      budget: 0,
    } as const
    return { type: 'place', taker, limit: ticks(price) }
  }

  /** Cancels one of the orders placed lately, or any. Some are filled by then, as in life. */
  cancel(among = this.#live.length): BookCommand {
    const at = this.#live.length - 1 - this.#random.below(Math.min(among, this.#live.length))
    const id = this.#live[at] ?? 0
    this.#live[at] = this.#live.at(-1) ?? 0
    this.#live.pop()
    return { type: 'cancel', orderId: id, account: OWNER }
  }
}

/** About 1,000 orders on 750 levels; nine in ten commands move quotes, one in twenty trades. */
function smallBook(): Workload {
  const random = new Random(1)
  const stream = new Stream(1)
  const passive = (): PlaceCommand => {
    const side: Side = random.chance(50) ? 'buy' : 'sell'
    const away = 1 + Math.floor((random.below(1_000) * random.below(1_000)) / 1_600)
    return stream.place(side, 50_000 + (side === 'buy' ? -away : away), 1 + random.below(6) * random.below(6))
  }
  const fill = Array.from({ length: 1_000 }, passive)
  const commands: BookCommand[] = []
  while (commands.length < 1_000_000) {
    if (random.chance(10)) {
      const side: Side = random.chance(50) ? 'buy' : 'sell'
      commands.push(stream.place(side, 50_000 + (side === 'buy' ? 40 : -40), 1 + random.below(9), 'ioc'))
    }
    if (stream.live > 1_000) commands.push(stream.cancel())
    commands.push(passive())
  }
  return { name: 'small book, 1,000 orders', fill, commands }
}

/** 40,000 orders on 80 levels, nearly all of them cancelled in the end: long queues, memory beyond the first caches. */
function deepBook(): Workload {
  const random = new Random(2)
  const stream = new Stream(2)
  const passive = (): PlaceCommand => {
    const side: Side = random.chance(50) ? 'buy' : 'sell'
    const away = 1 + random.below(40)
    return stream.place(side, 50_000 + (side === 'buy' ? -away : away), 1 + random.below(100))
  }
  const fill = Array.from({ length: 40_000 }, passive)
  const commands: BookCommand[] = []
  while (commands.length < 1_000_000) {
    if (random.chance(15)) {
      const side: Side = random.chance(50) ? 'buy' : 'sell'
      commands.push(stream.place(side, 50_000 + (side === 'buy' ? 5 : -5), 1 + random.below(100), 'ioc'))
    }
    if (stream.live > 40_000) commands.push(stream.cancel())
    commands.push(passive())
  }
  return { name: 'deep book, 40,000 orders', fill, commands }
}

/** The price falls by 60 % and comes back, ten times: thin levels open and close all the time, large orders sweep them. */
function flashCrash(): Workload {
  const random = new Random(3)
  const stream = new Stream(3)
  const commands: BookCommand[] = []
  while (commands.length < 1_000_000) {
    const phase = (commands.length % 100_000) / 100_000
    const middle = Math.round(50_000 * (1 - 0.6 * Math.sin(Math.PI * phase)))
    const side: Side = random.chance(50) ? 'buy' : 'sell'
    const sign = side === 'buy' ? 1 : -1
    const dice = random.below(100)
    if (dice < 4) commands.push(stream.place(side, middle + sign * 600, 400, 'ioc'))
    else if (dice < 14) commands.push(stream.place(side, middle + sign * 30, 1 + random.below(100), 'ioc'))
    else commands.push(stream.place(side, middle - sign * (1 + random.below(700)), 1 + random.below(100)))
    if (stream.live > 500) commands.push(stream.cancel(300))
  }
  return { name: 'flash crash, 500 orders', fill: [], commands }
}

function run(book: OrderBook | ReferenceBook, commands: readonly BookCommand[], untilMs = Infinity): number {
  let done = 0
  for (const command of commands) {
    if (command.type === 'place') book.place(command.taker, command.limit)
    else book.cancel(command.orderId, command.account)
    done++
    if (untilMs < Infinity && performance.now() > untilMs) break
  }
  return done
}

function fastRates({ fill, commands }: Workload): number[] {
  return Array.from({ length: PASSES }, () => {
    const book = new OrderBook()
    run(book, fill)
    const begin = performance.now()
    const done = run(book, commands)
    return done / (performance.now() - begin)
  }).sort((a, b) => a - b)
}

function referenceRate({ fill, commands }: Workload): number {
  const begin = performance.now()
  return run(new ReferenceBook(), [...fill, ...commands], begin + REFERENCE_MS) / (performance.now() - begin)
}

/** The small book once more as the engine sees it: frames of 100 entries read, applied, and every output encoded. */
function shardRates({ fill, commands }: Workload): number[] {
  const entries = [...fill, ...commands.slice(0, 200_000)].map(entryOf)
  return Array.from({ length: 3 }, () => {
    const input = new OrdersIn()
    const shard = newShard()
    const records = input.listings([1], 50_000)
    for (let at = 0; at < entries.length; at += 100)
      records.push(input.record(0, entries.slice(at, at + 100), 2))
    const begin = performance.now()
    for (const { value, appendedAt } of records) shard.apply(decodeFrame(value), appendedAt)
    return entries.length / (performance.now() - begin)
  }).sort((a, b) => a - b)
}

function entryOf(command: BookCommand): Entry {
  if (command.type === 'cancel') return { ...command, symbol: 1 }
  const order: EntryOf<'order'> = {
    type: 'order',
    ...command.taker,
    symbol: 1,
    price: command.limit,
    deadline: 0,
  }
  return order
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0
const millions = (perMs: number): string => (perMs / 1_000).toFixed(perMs < 100 ? 4 : 2).padStart(8)

process.stdout.write('M commands/s                  median   worst    reference\n')
for (const workload of [smallBook(), deepBook(), flashCrash()]) {
  const rates = fastRates(workload)
  const row = [millions(median(rates)), millions(rates[0] ?? 0), millions(referenceRate(workload))]
  process.stdout.write(`${workload.name.padEnd(26)}${row.join(' ')}\n`)
}
const rates = shardRates(smallBook())
process.stdout.write(
  `${'small book, through frames'.padEnd(26)}${millions(median(rates))} ${millions(rates[0] ?? 0)}\n`,
)
