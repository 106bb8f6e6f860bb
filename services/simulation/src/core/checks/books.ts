import { refusalCodes } from '@bourse/domain/refusals'
import { bandHigh, bandLow, type Listing } from '@bourse/domain/listing'
import { ticks } from '@bourse/domain/units'
import type { MatchingCut, MatchingMachine } from '@bourse/matching-engine/core/matching-machine'
import { ReferenceBook, type ReferenceExecution } from '@bourse/matching-engine/core/reference-book'
import type { ByteWriter } from '@bourse/protocol/bytes'
import type { Entry, EntryOf, Side } from '@bourse/protocol/entries'
import type { Context, Machine, Segment } from '@bourse/protocol/shard'
import { Violation, type World } from '../world.ts'

type WatchedSymbol = {
  readonly listing: Listing
  readonly book: ReferenceBook
  state: string
  updates: number
  trades: number
}

/**
 * A matching machine beside which the slow, clear book trades the same orders. After each entry the two must have done
 * the same: trades in price-time priority, fills within limits, levels, and the reasons for what was closed.
 */
export class WatchedMatching implements Machine {
  readonly kind = 'matching'
  readonly #machine: MatchingMachine
  readonly #world: World
  readonly #symbols = new Map<number, WatchedSymbol>()

  constructor(machine: MatchingMachine, world: World) {
    this.#machine = machine
    this.#world = world
  }

  apply(entry: Entry, context: Context): void {
    const sent: Entry[] = []
    this.#machine.apply(entry, {
      ...context,
      send: (to, output) => {
        sent.push(output)
        return context.send(to, output)
      },
    })
    for (const output of sent) this.#learn(output)
    if (entry.type === 'order') this.#checkOrder(entry, sent, context.appendedAt)
    if (entry.type === 'cancel') {
      const { book } = this.#symbol(entry.symbol)
      this.#compare(entry, sent, book.cancel(entry.orderId, entry.account))
    }
  }

  encode(writer: ByteWriter): void {
    this.#machine.encode(writer)
  }

  cut(): MatchingCut {
    return this.#machine.cut()
  }

  segments(): readonly Segment[] {
    return this.#machine.segments()
  }

  /** At the end: books do not cross, and are the same as the clear ones, order by order. */
  checkBooks(): void {
    const { orders } = this.cut()
    for (const [symbol, { book, listing }] of this.#symbols) {
      for (const side of ['buy', 'sell'] as const) {
        const expected = book.orders(side).map(({ orderId, price, remaining }) => [orderId, price, remaining])
        const found = orders
          .filter((order) => order.symbol === symbol && order.side === side)
          .map(({ orderId, price, remaining }) => [orderId, price, remaining])
        if (JSON.stringify(found) !== JSON.stringify(expected))
          throw new Violation(
            `${listing.name}: ${side} orders ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`,
          )
      }
      const [bid, ask] = [book.orders('buy')[0], book.orders('sell')[0]]
      if (bid !== undefined && ask !== undefined && bid.price >= ask.price)
        throw new Violation(`${listing.name}: the book is crossed, ${bid.price} against ${ask.price}`)
    }
  }

  #learn(output: Entry): void {
    if (output.type === 'symbolListed')
      this.#symbols.set(output.listing.symbol, {
        ...{ listing: output.listing, book: new ReferenceBook(), state: 'opening', updates: 0, trades: 0 },
      })
    if (output.type === 'symbolStateChanged') this.#symbol(output.symbol).state = output.state
    if (output.type === 'level' && output.update !== ++this.#symbol(output.symbol).updates)
      throw new Violation(`level update ${output.update} of symbol ${output.symbol} is not the next one`)
    if (output.type === 'trade' && output.tradeId !== ++this.#symbol(output.symbol).trades)
      throw new Violation(`trade ${output.tradeId} of symbol ${output.symbol} is not the next one`)
  }

  #checkOrder(order: EntryOf<'order'>, sent: readonly Entry[], appendedAt: number): void {
    const symbol = this.#symbol(order.symbol)
    const refusal = refusalOf(order, symbol, appendedAt)
    if (refusal !== undefined) {
      this.#world.bit('refused_by_matching')
      return expectSame(order, sent.map(inWords), [`closed ${order.orderId} ${order.quantity} ${refusal}`])
    }
    const limit =
      order.kind === 'limit'
        ? order.price
        : order.side === 'buy'
          ? bandHigh(symbol.listing)
          : bandLow(symbol.listing)
    const execution = symbol.book.place(order, ticks(limit))
    if (execution.outcome === 'would_trade' || execution.outcome === 'not_filled_whole')
      this.#world.bit('refused_by_matching')
    this.#compare(order, sent, execution)
  }

  #compare(
    entry: EntryOf<'order'> | EntryOf<'cancel'>,
    sent: readonly Entry[],
    execution: ReferenceExecution | undefined,
  ): void {
    const takerSide = entry.type === 'order' ? entry.side : 'buy'
    expectSame(
      entry,
      sent.map(inWords),
      execution === undefined ? [] : expectedWords(entry, takerSide, execution),
    )
  }

  #symbol(number: number): WatchedSymbol {
    const symbol = this.#symbols.get(number)
    if (symbol === undefined) throw new Violation(`matching speaks of symbol ${number} before it lists it`)
    return symbol
  }
}

function refusalOf(
  order: EntryOf<'order'>,
  { state, listing }: WatchedSymbol,
  appendedAt: number,
): number | undefined {
  if (order.deadline > 0 && appendedAt > order.deadline) return refusalCodes.expired
  if (state === 'halted' || state === 'opening') return refusalCodes.halted
  if (state === 'cancel_only') return refusalCodes.cancel_only
  const outside = order.price < bandLow(listing) || order.price > bandHigh(listing)
  return order.kind === 'limit' && outside ? refusalCodes.price_band : undefined
}

function expectSame(command: Entry, found: readonly string[], expected: readonly string[]): void {
  const words = found.filter((line) => line !== '')
  if (words.join('; ') === expected.join('; ')) return
  throw new Violation(
    `matching, ${inWords(command)}: wrote ${words.join('; ')}, expected ${expected.join('; ')}`,
  )
}

/** What the entries of a command must be, in their order, as `inWords` would tell them. */
function expectedWords(
  { orderId }: { orderId: number },
  takerSide: Side,
  { outcome, remaining, fills, levels }: ReferenceExecution,
): string[] {
  const words: string[] = []
  fills.forEach((fill, index) => {
    const last = index === fills.length - 1 && outcome === 'filled'
    words.push(`trade ${fill.makerOrderId} ${orderId} ${takerSide} ${fill.price} ${fill.quantity}`)
    words.push(`maker ${fill.makerOrderId} ${fill.price} ${fill.quantity} left ${fill.makerRemaining} last`)
    words.push(
      `taker ${orderId} ${fill.price} ${fill.quantity} left ${fill.takerRemaining}${last ? ' last' : ''}`,
    )
  })
  if (outcome === 'rested') words.push(`rested ${orderId} ${remaining}`)
  else if (outcome !== 'filled')
    words.push(`closed ${orderId} ${remaining} ${outcome === 'spent' ? 0 : refusalCodes[outcome]}`)
  for (const { side, price, quantity } of levels) words.push(`level ${side} ${price} ${quantity}`)
  return words
}

function inWords(entry: Entry): string {
  switch (entry.type) {
    case 'trade':
      return `trade ${entry.makerOrderId} ${entry.takerOrderId} ${entry.takerSide} ${entry.price} ${entry.quantity}`
    case 'fill':
      return `${entry.role} ${entry.orderId} ${entry.price} ${entry.quantity} left ${entry.remaining}${entry.last ? ' last' : ''}`
    case 'rested':
      return `rested ${entry.orderId} ${entry.remaining}`
    case 'closed':
      return `closed ${entry.orderId} ${entry.remaining} ${entry.reason}`
    case 'level':
      return `level ${entry.side} ${entry.price} ${entry.quantity}`
    case 'order':
      return `order ${entry.orderId} ${entry.side} ${entry.kind} ${entry.timeInForce} ${entry.price} ${entry.quantity}`
    case 'cancel':
      return `cancel ${entry.orderId}`
    default:
      return ''
  }
}
