import { lots, ticks, type Lots, type Ticks } from '@bourse/domain/units'
import type { Side } from '@bourse/protocol/entries'
import { BUY } from './price-ladder.ts'

/**
 * What became of the order a command was about. It rests; it is `filled` to the last lot; it is `spent`, its budget
 * moving no further lot; or what it had left was closed for the reason of that name.
 */
export type Outcome =
  | 'rested'
  | 'filled'
  | 'spent'
  | 'no_liquidity'
  | 'would_trade'
  | 'not_filled_whole'
  | 'limit_reached'
  | 'cancelled'

const FILL_NUMBERS = 8
const LEVEL_NUMBERS = 3
const ROWS_MIN = 64

/**
 * What one command did to a book: fills in the order in which they happened, and every level that changed, with its
 * quantity afterwards. A book has one and writes it anew with each command: read it before the next.
 */
export class Execution {
  outcome: Outcome = 'rested'
  /** Lots the order has left; 0 for a buy by funds. */
  remaining = 0
  /** When the order was accepted, as its entry said. */
  createdAt = 0
  #fills = new Float64Array(ROWS_MIN * FILL_NUMBERS)
  #fillCount = 0
  #levels = new Float64Array(ROWS_MIN * LEVEL_NUMBERS)
  #levelCount = 0

  get fills(): number {
    return this.#fillCount
  }

  get levels(): number {
    return this.#levelCount
  }

  makerOrderId(fill: number): number {
    return this.#fills[fill * FILL_NUMBERS] ?? 0
  }

  makerAccount(fill: number): number {
    return this.#fills[fill * FILL_NUMBERS + 1] ?? 0
  }

  makerCreatedAt(fill: number): number {
    return this.#fills[fill * FILL_NUMBERS + 2] ?? 0
  }

  makerRemaining(fill: number): Lots {
    return lots(this.#fills[fill * FILL_NUMBERS + 3] ?? 0)
  }

  price(fill: number): Ticks {
    return ticks(this.#fills[fill * FILL_NUMBERS + 4] ?? 0)
  }

  quantity(fill: number): Lots {
    return lots(this.#fills[fill * FILL_NUMBERS + 5] ?? 0)
  }

  /** Lots the taker still wanted after this fill; 0 for a buy by funds. */
  takerRemaining(fill: number): Lots {
    return lots(this.#fills[fill * FILL_NUMBERS + 6] ?? 0)
  }

  /** What this fill left of the taker's budget; 0 where it has none. */
  takerBudget(fill: number): number {
    return this.#fills[fill * FILL_NUMBERS + 7] ?? 0
  }

  levelSide(change: number): Side {
    return this.#levels[change * LEVEL_NUMBERS] === BUY ? 'buy' : 'sell'
  }

  levelPrice(change: number): Ticks {
    return ticks(this.#levels[change * LEVEL_NUMBERS + 1] ?? 0)
  }

  levelQuantity(change: number): Lots {
    return lots(this.#levels[change * LEVEL_NUMBERS + 2] ?? 0)
  }

  clear(): void {
    this.#fillCount = 0
    this.#levelCount = 0
  }

  /** Adds a fill; what the taker has no bound for (Infinity) is written as 0. */
  addFill(
    makerOrderId: number,
    makerAccount: number,
    makerCreatedAt: number,
    makerRemaining: number,
    price: number,
    quantity: number,
    takerRemaining: number,
    takerBudget: number,
  ): void {
    const at = this.#fillCount * FILL_NUMBERS
    if (at === this.#fills.length) this.#fills = doubled(this.#fills)
    const fills = this.#fills
    fills[at] = makerOrderId
    fills[at + 1] = makerAccount
    fills[at + 2] = makerCreatedAt
    fills[at + 3] = makerRemaining
    fills[at + 4] = price
    fills[at + 5] = quantity
    fills[at + 6] = takerRemaining === Infinity ? 0 : takerRemaining
    fills[at + 7] = takerBudget === Infinity ? 0 : takerBudget
    this.#fillCount++
  }

  addLevel(side: number, price: number, quantity: number): void {
    const at = this.#levelCount * LEVEL_NUMBERS
    if (at + LEVEL_NUMBERS > this.#levels.length) this.#levels = doubled(this.#levels)
    this.#levels[at] = side
    this.#levels[at + 1] = price
    this.#levels[at + 2] = quantity
    this.#levelCount++
  }
}

function doubled(cells: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(cells.length * 2)
  larger.set(cells)
  return larger
}
