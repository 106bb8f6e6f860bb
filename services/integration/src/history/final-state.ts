import { askUntilDefinite } from '@bourse/load-tests/ask-again'
import { expectDone } from '@bourse/load-tests/exchange-client'
import type { Trader } from '@bourse/load-tests/market'
import type { z } from 'zod'
import { balancesAnswer, fillsPage, ordersPage, type FinalState } from './record.ts'

const PAGE = 1_000

/** Asks for everything that the exchange shows of the traders' accounts. */
export async function askFinalState(traders: readonly Trader[]): Promise<FinalState> {
  const states = await Promise.all(traders.map(finalStateOf))
  return {
    orders: states.flatMap(({ orders }) => orders),
    fillLists: states.map(({ fills }) => fills),
    balances: states.flatMap(({ balances }) => balances),
  }
}

async function finalStateOf(trader: Trader) {
  const fills = await allPages(trader, 'fills', fillsPage)
  const orders = await allPages(trader, 'orders', ordersPage)
  const { account, balances } = balancesAnswer.parse(await read(trader, 'balances'))
  return {
    fills: fills.flatMap((page) => page.fills),
    orders: orders.flatMap((page) => page.orders),
    balances: balances.map((balance) => ({ account, ...balance })),
  }
}

async function allPages<Page extends { readonly cursor?: string | undefined }>(
  trader: Trader,
  what: string,
  schema: z.ZodType<Page>,
): Promise<Page[]> {
  const pages: Page[] = []
  let from = ''
  for (;;) {
    const page = schema.parse(await read(trader, `${what}?limit=${PAGE}${from}`))
    pages.push(page)
    if (page.cursor === undefined) return pages
    from = `&cursor=${page.cursor}`
  }
}

async function read({ client }: Trader, path: string): Promise<unknown> {
  return expectDone((await askUntilDefinite(() => client.get(`/api/v1/${path}`))).answer, path).body
}
