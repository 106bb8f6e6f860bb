import { err, ok, type Result } from './result.ts'
import { AMOUNT_MAX, DECIMALS_MAX, ticks, type Amount, type Lots, type Ticks } from './units.ts'

/** An asset that balances are kept in. Amounts count 10^-scale of it. */
export type Asset = { readonly asset: number; readonly code: string; readonly scale: number }

/** What may be traded, and by which rules. Everything that computes with money takes its numbers from here. */
export type Listing = {
  readonly symbol: number
  /** As people write it: `BTC-USD`. */
  readonly name: string
  readonly base: Asset
  readonly quote: Asset
  /** A tick is 10^-tickDecimals of the quote asset. */
  readonly tickDecimals: number
  /** A lot is 10^-lotDecimals of the base asset. */
  readonly lotDecimals: number
  readonly minLots: Lots
  readonly maxLots: Lots
  /** The smallest price × quantity of an order, in ticks × lots. */
  readonly minNotional: number
  /** Parts per million of what is received. */
  readonly makerFeePpm: number
  readonly takerFeePpm: number
  /** Orders are refused outside referencePrice ± bandPpm. */
  readonly referencePrice: Ticks
  readonly bandPpm: number
  /** The partition of `orders.in` that holds the book. */
  readonly partition: number
}

export const PPM = 1_000_000
export const FEE_PPM_MAX = 100_000

export type ListingRefusal =
  | 'too_many_decimals'
  | 'quote_scale_too_small'
  | 'lot_finer_than_asset'
  | 'quantity_range'
  | 'notional_too_large'
  | 'fee_range'
  | 'fee_below_one_unit'
  | 'band_range'
  | 'partition_range'

/** The lowest price an order may name, in ticks. */
export const bandLow = (listing: Listing): Ticks =>
  ticks(
    Math.max(1, Math.min(listing.referencePrice, share(listing.referencePrice, PPM - listing.bandPpm) + 1)),
  )

/** The highest price an order may name, in ticks. */
export const bandHigh = (listing: Listing): Ticks =>
  ticks(share(listing.referencePrice, PPM + listing.bandPpm))

/** What one tick × lot is worth, in the quote asset's smallest unit. */
export const quoteUnit = (listing: Listing): Amount =>
  10n ** BigInt(listing.quote.scale - listing.tickDecimals - listing.lotDecimals)

/** What one lot is, in the base asset's smallest unit. */
export const baseUnit = (listing: Listing): Amount => 10n ** BigInt(listing.base.scale - listing.lotDecimals)

/**
 * Checks that every order a listing allows can be computed exactly: ticks × lots below 2^53 at the band's top, whole
 * units for every notional, and a smallest order whose fee is not rounded away.
 */
export function checkListing(listing: Listing, partitions: number): Result<Listing, ListingRefusal> {
  const { base, quote, tickDecimals, lotDecimals, minLots, maxLots, minNotional } = listing
  if (Math.max(base.scale, quote.scale, tickDecimals, lotDecimals) > DECIMALS_MAX)
    return err('too_many_decimals')
  if (quote.scale < tickDecimals + lotDecimals) return err('quote_scale_too_small')
  if (base.scale < lotDecimals) return err('lot_finer_than_asset')
  if (minLots < 1 || maxLots < minLots) return err('quantity_range')
  if (listing.referencePrice < 1 || listing.bandPpm < 1 || listing.bandPpm >= 10 * PPM)
    return err('band_range')
  if (!Number.isSafeInteger(bandHigh(listing) * maxLots)) return err('notional_too_large')
  // What a fee is computed from (received × parts per million, summed over an order) has to fit an amount.
  const largest = [
    BigInt(maxLots) * baseUnit(listing),
    BigInt(bandHigh(listing) * maxLots) * quoteUnit(listing),
  ]
  if (largest.some((amount) => amount * BigInt(FEE_PPM_MAX) > AMOUNT_MAX)) return err('notional_too_large')
  if (Math.max(listing.makerFeePpm, listing.takerFeePpm) > FEE_PPM_MAX) return err('fee_range')
  if (minNotional < 1 || minNotional > bandHigh(listing) * maxLots) return err('quantity_range')
  if (listing.partition < 0 || listing.partition >= partitions) return err('partition_range')
  const smallest = [BigInt(minLots) * baseUnit(listing), BigInt(minNotional) * quoteUnit(listing)]
  const fees = [listing.makerFeePpm, listing.takerFeePpm].filter((ppm) => ppm > 0)
  if (fees.some((ppm) => smallest.some((amount) => feeOn(amount, ppm) < 1n))) return err('fee_below_one_unit')
  return ok(listing)
}

/** The fee on an amount received, rounded down. */
export const feeOn = (received: Amount, ppm: number): Amount => (received * BigInt(ppm)) / BigInt(PPM)

const share = (price: Ticks, ppm: number): number =>
  Number((BigInt(price) * BigInt(Math.max(0, ppm))) / BigInt(PPM))
