import { parseAmount } from '@bourse/domain/units'

/** A decimal as a count of 10^-18: sums and products of prices, quantities and amounts are exact. */
export type Exact = bigint

const DECIMALS = 18
const ONE = 10n ** BigInt(DECIMALS)

export function exact(text: string): Exact {
  if (text === '0') return 0n
  const parsed = parseAmount(text, DECIMALS)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error}`)
  return parsed.value
}

/** A count of 10^-decimals. */
export const scaled = (count: bigint, decimals: number): Exact => count * 10n ** BigInt(DECIMALS - decimals)

export const times = (a: Exact, b: Exact): Exact => (a * b) / ONE

/** Rounded down to a whole count of 10^-decimals. */
export const roundedDown = (value: Exact, decimals: number): Exact => {
  const unit = 10n ** BigInt(DECIMALS - decimals)
  return (value / unit) * unit
}
