import { z } from 'zod'
import { exact, type Exact } from './exact.ts'

/** What clients know of their own commands, and what the exchange told them, when it told them. */
export type ClientRecord = {
  readonly commands: readonly Command[]
  /** Lists of fills, each as one answer had it. */
  readonly fillLists: readonly (readonly ToldFill[])[]
  /** Orders' states in the order in which they were told. */
  readonly states: readonly ToldState[]
  /** Answers to `?wait=result` that tell an order's state and all of its fills until then. */
  readonly results: readonly ToldResult[]
  readonly deposits: readonly Deposit[]
  readonly final: FinalState
}

/** What the exchange shows when all is over: every order, every account's list of fills, what it owns. */
export type FinalState = {
  readonly orders: readonly ToldState[]
  readonly fillLists: readonly (readonly ToldFill[])[]
  readonly balances: readonly Balance[]
}

export type Command = OrderCommand | CancelCommand

type Sent = {
  readonly commandId: string
  readonly account: string
  /** Definite answers, the first and those to asking the same again: `accepted` or a refusal's code. */
  readonly answers: { readonly outcome: string; readonly orderId?: string }[]
}
export type OrderCommand = Sent & { readonly kind: 'order'; readonly terms: Terms }
export type CancelCommand = Sent & {
  readonly kind: 'cancel'
  readonly cancels: string
  /** Whether the answer waits for how the order ended. */
  readonly wantResult: boolean
}

export type Terms = {
  readonly symbol: string
  readonly side: 'buy' | 'sell'
  /** Absent for a market order. */
  readonly price?: string
  readonly quantity: string
}

export type Deposit = { readonly account: string; readonly asset: string; readonly amount: Exact }
export type Balance = {
  readonly account: string
  readonly asset: string
  readonly available: Exact
  readonly held: Exact
}

const decimal = z.string().transform(exact)

const fill = z.object({
  order_id: z.string().optional(),
  trade_id: z.string(),
  price: decimal,
  quantity: decimal,
  role: z.enum(['maker', 'taker']).optional(),
  fee: decimal.optional(),
  fee_asset: z.string().optional(),
})
const state = z.object({
  order_id: z.string(),
  status: z.enum(['open', 'filled', 'closed']),
  reason: z.string().optional(),
  filled_quantity: decimal,
  filled_quote: decimal,
  fee: decimal,
})

/** `orderId` is there always; role and fee where they were told. */
export type ToldFill = Omit<z.infer<typeof fill>, 'order_id'> & { readonly order_id: string }
export type ToldState = z.infer<typeof state>
export type ToldResult = { readonly state: ToldState; readonly fills: readonly ToldFill[] }

const result = state.extend({ fills: z.array(fill) })
export const fillsPage = z.object({
  fills: z.array(fill.required({ order_id: true, role: true, fee: true, fee_asset: true })),
  cursor: z.string().optional(),
})
export const ordersPage = z.object({ orders: z.array(state), cursor: z.string().optional() })
export const balancesAnswer = z.object({
  account: z.string(),
  balances: z.array(z.object({ asset: z.string(), available: decimal, held: decimal })),
})

/** What an answer to a command with `?wait=result` told of its order; undefined for any other answer. */
export function resultIn(body: unknown): ToldResult | undefined {
  const parsed = result.safeParse(body)
  if (!parsed.success) return undefined
  const { fills, ...told } = parsed.data
  return { state: told, fills: fills.map((one) => ({ ...one, order_id: told.order_id })) }
}
