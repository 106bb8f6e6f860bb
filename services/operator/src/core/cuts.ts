import { z } from 'zod'

/** Rows that engines and settlement copied at a reconciliation's marker. Amounts are decimal strings of smallest units. */

const amount = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt)
const balance = z.object({ account: z.number(), asset: z.number(), available: amount, held: amount })
const order = z.object({
  orderId: z.number(),
  account: z.number(),
  symbol: z.number(),
  side: z.enum(['buy', 'sell']),
  price: z.number(),
  remaining: z.number(),
})
const heldOrder = order.extend({ hold: amount })
const symbolTotals = z.object({ symbol: z.number(), trades: z.number(), volumeLots: z.coerce.string() })
const source = z.object({ kind: z.string(), shard: z.number() })

/** What was under way to a shard when the sender had made its cut and the receiver had not heard of it. */
const inFlight = z.array(
  z.object({
    source,
    entry: z.looseObject({
      type: z.string(),
      orderId: z.number().optional(),
      remaining: z.number().optional(),
      filled: z.boolean().optional(),
      symbol: z.number().optional(),
      account: z.number().optional(),
      price: z.number().optional(),
      quantity: z.number().optional(),
    }),
  }),
)

/** A state of null means that the shard restarted between its first and its last marker: the cut is void. */
export const riskCut = z.object({
  state: z.object({ balances: z.array(balance), orders: z.array(heldOrder) }).nullable(),
  inFlight,
})
export const matchingCut = z.object({
  state: z.object({ orders: z.array(order), symbols: z.array(symbolTotals) }).nullable(),
  inFlight,
})
export const accountsCut = z.object({
  balances: z.array(balance),
  orders: z.array(heldOrder),
  journal: z.array(z.object({ account: z.number(), asset: z.number(), sum: amount })),
})
export const tradesCut = z.object({ symbols: z.array(symbolTotals) })

export type RiskCut = z.infer<typeof riskCut>
export type MatchingCut = z.infer<typeof matchingCut>
export type AccountsCut = z.infer<typeof accountsCut>
export type TradesCut = z.infer<typeof tradesCut>

/** One marker's cuts of the whole exchange, by shard. */
export type ExchangeCut = {
  readonly risk: readonly RiskCut[]
  readonly matching: readonly MatchingCut[]
  readonly accounts: readonly AccountsCut[]
  readonly trades: readonly TradesCut[]
}
