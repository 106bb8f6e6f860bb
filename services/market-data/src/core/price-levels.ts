import { formatDecimal, lots, ticks, type Lots, type Ticks } from '@bourse/domain/units'
import type { ByteReader, ByteWriter } from '@bourse/protocol/bytes'
import type { Side } from '@bourse/protocol/entries'

type Level = {
  readonly price: Ticks
  readonly quantity: Lots
  /** The level as people read it, once somebody has asked for it. */
  text: string | undefined
}

export type Decimals = { readonly tickDecimals: number; readonly lotDecimals: number }

/** What rests on one side of a book, per price. */
export class PriceLevels {
  readonly #decimals: Decimals
  /** 1 where the best price is the highest. */
  readonly #direction: 1 | -1
  /** Worst first: changes crowd at the best price, and there an array is cheap to change. */
  readonly #levels: Level[] = []

  constructor(side: Side, decimals: Decimals) {
    this.#direction = side === 'buy' ? 1 : -1
    this.#decimals = decimals
  }

  get size(): number {
    return this.#levels.length
  }

  /** The quantity that now rests at a price; 0 takes the level away. */
  set(price: Ticks, quantity: Lots): void {
    const at = this.#find(price)
    const present = this.#levels[at]?.price === price ? 1 : 0
    if (quantity === 0) this.#levels.splice(at, present)
    else this.#levels.splice(at, present, { price, quantity, text: undefined })
  }

  /** `[["100.5","0.25"],…]`: price and quantity as decimals, best first, `levelsMax` at most. */
  toJson(levelsMax: number): string {
    const texts: string[] = []
    const end = Math.max(0, this.#levels.length - levelsMax)
    for (let i = this.#levels.length - 1; i >= end; i--) {
      const level = this.#levels[i]
      if (level !== undefined) texts.push((level.text ??= this.#describe(level)))
    }
    return `[${texts.join(',')}]`
  }

  encode(writer: ByteWriter): void {
    writer.u32(this.#levels.length)
    for (const { price, quantity } of this.#levels) {
      writer.safe(price)
      writer.safe(quantity)
    }
  }

  static decode(reader: ByteReader, side: Side, decimals: Decimals): PriceLevels {
    const levels = new PriceLevels(side, decimals)
    const size = reader.u32()
    for (let i = 0; i < size; i++) levels.set(ticks(reader.safe()), lots(reader.safe()))
    return levels
  }

  /** Where the price is, or where it belongs. */
  #find(price: Ticks): number {
    let low = 0
    let high = this.#levels.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const worse = (price - (this.#levels[middle]?.price ?? 0)) * this.#direction > 0
      if (worse) low = middle + 1
      else high = middle
    }
    return low
  }

  #describe({ price, quantity }: Level): string {
    const { tickDecimals, lotDecimals } = this.#decimals
    return `["${formatDecimal(price, tickDecimals)}","${formatDecimal(quantity, lotDecimals)}"]`
  }
}
