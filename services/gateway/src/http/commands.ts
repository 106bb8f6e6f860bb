import { randomUUID } from 'node:crypto'
import { shardOfAccount } from '@bourse/domain/ids'
import type { Listing } from '@bourse/domain/listing'
import { parse } from '@bourse/platform/http'
import type { Context } from 'koa'
import { z } from 'zod'
import type { Reply } from '../core/pending-replies.ts'
import type { Command, Submit } from '../kafka/order-entry.ts'
import type { AccountBook } from '../postgres/account-book.ts'
import type { Directory } from '../postgres/directory.ts'
import { problem, problemOf } from './problem.ts'
import type { Caller } from './token-verifier.ts'

/** A command's id: the client's own, unique for its account. */
export const commandIdText = z
  .string()
  .regex(/^[\w.:/-]{1,64}$/, 'must be 1 to 64 letters, digits or any of _ . : / -')

export const symbolText = z.string().regex(/^[A-Z0-9-]{1,32}$/, 'must be a symbol such as BTC-USD')

const WHY_TEXT =
  'a decimal travels as text, such as "0.1": a JSON number has already lost what it was meant to be'
/** A decimal that the core reads, with the decimals that its symbol or asset allows. */
export const decimalText = z.string(WHY_TEXT).min(1).max(78)

/** The caller's account. */
export async function accountOf(accounts: AccountBook, { owner, account }: Caller): Promise<number> {
  const found = account ?? (await accounts.accountOf(owner))
  if (found === undefined) throw problem('unknown_account', 'open your account first: POST /api/v1/account')
  return found
}

/** What is listed under a name. */
export async function listingNamed(directory: Directory, symbol = ''): Promise<Listing> {
  const listing = await directory.listing(symbol)
  if (listing === undefined) throw problem('unknown_symbol', undefined, { field: 'symbol' })
  return listing
}

type AccountCommand = Extract<Command, { readonly account: number; readonly commandId: string }>

/** Puts an account's command into its shard, and notes how far the answer's effects reach. */
export async function submitFor(
  { submit, accounts }: { readonly submit: Submit; readonly accounts: AccountBook },
  command: AccountCommand,
): Promise<Reply> {
  const reply = await submit(shardOfAccount(command.account), command)
  accounts.answered(command.account, reply.position)
  return reply
}

/** Lets every problem of `work` name the command's id: after `outcome_unknown` the client asks again with it. */
export async function naming<Value>(
  id: Readonly<Record<string, string>>,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    throw problemOf(error, id)
  }
}

/** The id that the client gave a command without a body, or a new one. */
export const commandIdOf = (ctx: Context): string => {
  const given = ctx.get('idempotency-key')
  return given === '' ? randomUUID() : parse(commandIdText, given)
}

/** What the body parser made of the body. */
export const bodyOf = ({ request }: Pick<Context, 'request'>): unknown => (request as { body?: unknown }).body

/** Whether the client waits for what matching says: `?wait=result`. */
export const wantsResult = (ctx: Context): boolean =>
  ctx.search !== '' && parse(waitQuery, ctx.query).wait === 'result'

const waitQuery = z.object({ wait: z.literal('result').optional() })
