import { checkListing, type Asset, type Listing } from '@bourse/domain/listing'
import { err, ok, type Result } from '@bourse/domain/result'
import { parseAmount, parseLots, parseTicks } from '@bourse/domain/units'
import type { FieldProblem } from './order-terms.ts'

export type ListingRequest = {
  readonly symbol: string
  readonly tick_decimals: number
  readonly lot_decimals: number
  readonly min_quantity: string
  readonly max_quantity: string
  /** Of the quote asset. */
  readonly min_notional: string
  readonly maker_fee_ppm: number
  readonly taker_fee_ppm: number
  readonly reference_price: string
  readonly band_ppm: number
  readonly partition: number
}

type Surroundings = { readonly base: Asset; readonly quote: Asset; readonly matchingShards: number }

/** The listing that is asked for, without a number yet: risk gives it one. Risk checks it again. */
export function newListing(
  request: ListingRequest,
  { base, quote, matchingShards }: Surroundings,
): Result<Listing, FieldProblem> {
  const { tick_decimals: tickDecimals, lot_decimals: lotDecimals } = request
  const minLots = parseLots(request.min_quantity, lotDecimals)
  if (!minLots.ok) return malformed('min_quantity', minLots.error)
  const maxLots = parseLots(request.max_quantity, lotDecimals)
  if (!maxLots.ok) return malformed('max_quantity', maxLots.error)
  const minNotional = parseAmount(request.min_notional, tickDecimals + lotDecimals)
  if (!minNotional.ok) return malformed('min_notional', minNotional.error)
  const referencePrice = parseTicks(request.reference_price, tickDecimals)
  if (!referencePrice.ok) return malformed('reference_price', referencePrice.error)
  if (minNotional.value > BigInt(Number.MAX_SAFE_INTEGER)) return malformed('min_notional', 'out_of_range')

  const listing: Listing = {
    symbol: 0,
    name: request.symbol,
    base,
    quote,
    tickDecimals,
    lotDecimals,
    minLots: minLots.value,
    maxLots: maxLots.value,
    minNotional: Number(minNotional.value),
    makerFeePpm: request.maker_fee_ppm,
    takerFeePpm: request.taker_fee_ppm,
    referencePrice: referencePrice.value,
    bandPpm: request.band_ppm,
    partition: request.partition,
  }
  const checked = checkListing(listing, matchingShards)
  return checked.ok ? ok(listing) : err({ code: 'bad_listing', field: 'symbol', detail: checked.error })
}

const malformed = (field: string, detail: string) => err({ code: 'malformed', field, detail } as FieldProblem)
