import { formatDecimal, parseTicks } from '@bourse/domain/units'
import type { RecordedEvent } from './recorded-orders.ts'

const PRICE_DECIMALS = 2
const VOLUME_DECIMALS = 8

/**
 * What each account is given, so that no order of a recording lacks funds in whichever loop and however it is filled:
 * the sum of all its buys and of all its sells, for every loop.
 */
export function fundsFor(
  events: readonly RecordedEvent[],
  loops: number,
): { readonly BTC: string; readonly USD: string } {
  let base = 0n
  let quote = 0n
  for (const event of events) {
    if (event.type !== 'create') continue
    const price = parseTicks(event.price, PRICE_DECIMALS)
    if (event.side === 'sell') base += event.volume
    else if (price.ok) quote += event.volume * BigInt(price.value)
  }
  const times = BigInt(Math.ceil(loops))
  return {
    BTC: formatDecimal(base * times, VOLUME_DECIMALS),
    USD: formatDecimal(quote * times, PRICE_DECIMALS + VOLUME_DECIMALS),
  }
}
