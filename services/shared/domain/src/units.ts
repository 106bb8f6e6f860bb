import { err, invariant, ok, type Result } from './result.ts'

declare const unit: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name }

/** A price in whole ticks of its symbol: a safe integer, at least 0 (0 where an order has no price). */
export type Ticks = Branded<number, 'Ticks'>

/** A quantity in whole lots of its symbol: a safe integer, at least 0. */
export type Lots = Branded<number, 'Lots'>

/** An amount in the smallest unit of an asset. Totals outgrow 2^53, so it is a bigint; it may be negative in postings. */
export type Amount = bigint

export type UnitRefusal = 'not_a_decimal' | 'too_precise' | 'out_of_range'

/** The most decimals a tick, a lot or an asset may have. */
export const DECIMALS_MAX = 18

/** The largest magnitude of an amount: what the frame format carries (16 bytes, signed). */
export const AMOUNT_MAX: Amount = 2n ** 126n

/** Puts the brand on a number that must be a price in ticks. */
export function ticks(value: number): Ticks {
  if (!isCount(value)) invariant(false, `${value} is no price in ticks`)
  return value as Ticks
}

/** Puts the brand on a number that must be a quantity in lots. */
export function lots(value: number): Lots {
  if (!isCount(value)) invariant(false, `${value} is no quantity in lots`)
  return value as Lots
}

/** Reads `"100.50"` as ticks of 10^-decimals. Refuses what lies between two ticks: nothing is rounded. */
export function parseTicks(text: string, decimals: number): Result<Ticks, UnitRefusal> {
  return parseCount<Ticks>(text, decimals)
}

/** Reads `"0.25"` as lots of 10^-decimals. Refuses a part of a lot. */
export function parseLots(text: string, decimals: number): Result<Lots, UnitRefusal> {
  return parseCount<Lots>(text, decimals)
}

/** Reads a positive decimal as an amount of an asset with `scale` decimals. */
export function parseAmount(text: string, scale: number): Result<Amount, UnitRefusal> {
  const digits = wholeDigits(text, scale)
  if (!digits.ok) return digits
  const amount = BigInt(digits.value)
  return amount < 1n || amount > AMOUNT_MAX ? err('out_of_range') : ok(amount)
}

/** Writes a count of 10^-decimals as a decimal without needless zeros: `format(10050, 2)` is `"100.5"`. */
export function formatDecimal(value: number | bigint, decimals: number): string {
  const text = value.toString()
  const negative = text.startsWith('-')
  const digits = (negative ? text.slice(1) : text).padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** What is left after taking `taken`. Taking more than there is would be a bug. */
export function minus(quantity: Lots, taken: Lots): Lots {
  return lots(quantity - taken)
}

/** The smaller of two quantities. */
export function least(a: Lots, b: Lots): Lots {
  return a < b ? a : b
}

// Asked for every number read from the log, so a message is built only where it is needed: that costs ten times as much.
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

function parseCount<Unit extends Ticks | Lots>(text: string, decimals: number): Result<Unit, UnitRefusal> {
  const digits = wholeDigits(text, decimals)
  if (!digits.ok) return digits
  const count = Number(digits.value)
  return count < 1 || !Number.isSafeInteger(count) ? err('out_of_range') : ok(count as Unit)
}

function wholeDigits(text: string, decimals: number): Result<string, UnitRefusal> {
  const [, whole, fraction = ''] = /^(\d{1,38})(?:\.(\d{1,38}))?$/.exec(text) ?? []
  if (whole === undefined) return err('not_a_decimal')
  const significant = fraction.replace(/0+$/, '')
  if (significant.length > decimals) return err('too_precise')
  return ok(whole + significant.padEnd(decimals, '0'))
}
