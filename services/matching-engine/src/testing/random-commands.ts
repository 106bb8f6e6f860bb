import { lots, ticks, type Ticks } from '@bourse/domain/units'
import type { Side } from '@bourse/protocol/entries'
import { BOOK_LIMITS, type BookLimits, type Taker } from '../core/order-book.ts'
import { ReferenceBook } from '../core/reference-book.ts'
import { Random } from './random.ts'

export type PlaceCommand = { readonly type: 'place'; readonly taker: Taker; readonly limit: Ticks }
export type CancelCommand = { readonly type: 'cancel'; readonly orderId: number; readonly account: number }
export type BookCommand = PlaceCommand | CancelCommand

/** How the numbers of a run look: many orders per level, many levels, or numbers whose products come near 2^53. */
const scales = [
  { middle: 100, spread: 4, quantityMax: 9 },
  { middle: 5_000, spread: 400, quantityMax: 50 },
  { middle: 2 ** 21, spread: 30, quantityMax: 2 ** 31 },
] as const
type Scale = (typeof scales)[number]

const ACCOUNTS = 6

/** Commands that follow from the seed: all kinds of orders, ids used again once closed, cancels of all that may be named. */
export function randomCommands(seed: number, count: number, limits: BookLimits = BOOK_LIMITS): BookCommand[] {
  const random = new Random(seed)
  const scale = scales[seed % scales.length] ?? scales[0]
  const book = new ReferenceBook(limits)
  const issued: number[] = []
  const commands: BookCommand[] = []
  for (let i = 1; i <= count; i++) {
    const live = [...book.orders('buy'), ...book.orders('sell')]
    if (issued.length > 0 && random.chance(live.length > 120 ? 60 : 15)) {
      const target = live.length > 0 && random.chance(80) ? random.pick(live) : undefined
      const orderId = target?.orderId ?? random.pick(issued)
      const account = target !== undefined && random.chance(90) ? target.account : random.between(1, ACCOUNTS)
      book.cancel(orderId, account)
      commands.push({ type: 'cancel', orderId, account })
      continue
    }
    const again = issued.length > 0 && random.chance(10) ? random.pick(issued) : undefined
    const isLive = live.some(({ orderId }) => orderId === again)
    const orderId = again === undefined || isLive ? 2 ** 45 * random.below(3) + i : again
    issued.push(orderId)
    const command = randomPlace(random, scale, orderId, i)
    book.place(command.taker, command.limit)
    commands.push(command)
  }
  return commands
}

function randomPlace(random: Random, scale: Scale, orderId: number, createdAt: number): PlaceCommand {
  const side: Side = random.chance(50) ? 'buy' : 'sell'
  const shared = { orderId, account: random.between(1, ACCOUNTS), createdAt, side } as const
  const quantity = lots(random.between(1, scale.quantityMax))
  if (random.chance(10)) {
    const timeInForce = random.pick(['ioc', 'ioc', 'fok'] as const)
    const limit = ticks(scale.middle + (side === 'buy' ? 1 : -1) * random.below(2 * scale.spread))
    const funds = random.between(1, scale.middle * random.between(1, 20) * Math.ceil(scale.quantityMax / 10))
    const byFunds = random.chance(50)
    const wanted = byFunds && side === 'buy' ? lots(0) : quantity
    const market = { kind: 'market', timeInForce, postOnly: false, budget: byFunds ? funds : 0 } as const
    return { type: 'place', taker: { ...shared, ...market, quantity: wanted }, limit }
  }
  const away = random.between(-Math.ceil(scale.spread / 8), scale.spread)
  const limit = ticks(scale.middle + (side === 'buy' ? -away : away))
  const timeInForce = random.pick([
    'gtc',
    'gtc',
    'gtc',
    'gtc',
    'gtc',
    'gtc',
    'gtc',
    'gtc',
    'ioc',
    'fok',
  ] as const)
  const postOnly = timeInForce === 'gtc' && random.chance(20)
  // Large enough, now and then, to sweep many levels.
  const many = random.chance(5) ? lots(quantity * 20) : quantity
  return {
    type: 'place',
    taker: { ...shared, kind: 'limit', timeInForce, postOnly, quantity: many, budget: 0 },
    limit,
  }
}
