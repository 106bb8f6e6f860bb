import { randomUUID } from 'node:crypto'
import { parseId, shardOfAccount } from '@bourse/domain/ids'
import type { Asset } from '@bourse/domain/listing'
import { DECIMALS_MAX } from '@bourse/domain/units'
import { parse } from '@bourse/platform/http'
import { z } from 'zod'
import { newListing } from '../core/new-listing.ts'
import { amountOf } from '../core/order-terms.ts'
import { openAccount } from './account.ts'
import {
  bodyOf,
  commandIdText,
  decimalText,
  listingNamed,
  naming,
  submitFor,
  symbolText,
} from './commands.ts'
import { ownerText } from './token-verifier.ts'
import type { Directory } from '../postgres/directory.ts'
import type { GatewayDependencies, GatewayRouter } from './gateway-app.ts'
import { accept, problem, requireDone } from './problem.ts'

/** Operators' commands about listings enter here, and nowhere else. */
const OPERATORS_SHARD = 0

const decimals = z.int().min(0).max(DECIMALS_MAX)
const ppm = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
const assetCode = z.string().regex(/^[A-Z0-9]{1,16}$/, 'must be 1 to 16 capital letters and digits')

const assetBody = z.strictObject({
  code: assetCode,
  scale: decimals,
  command_id: commandIdText.optional(),
})

const symbolBody = z.strictObject({
  symbol: symbolText,
  base: assetCode,
  quote: assetCode,
  tick_decimals: decimals,
  lot_decimals: decimals,
  min_quantity: decimalText,
  max_quantity: decimalText,
  min_notional: decimalText,
  maker_fee_ppm: ppm,
  taker_fee_ppm: ppm,
  reference_price: decimalText,
  band_ppm: ppm,
  /** The matching shard that holds the book. */
  partition: z.int().min(0).max(65_535).default(0),
  command_id: commandIdText.optional(),
})

const stateBody = z.strictObject({
  state: z.enum(['trading', 'halted', 'cancel_only']),
  command_id: commandIdText.optional(),
})

const feesBody = z.strictObject({
  maker_fee_ppm: ppm,
  taker_fee_ppm: ppm,
  command_id: commandIdText.optional(),
})

const accountBody = z.strictObject({ owner: ownerText })

const transferBody = z.strictObject({
  /** Kept for ever: a transfer acts once. */
  transfer_id: commandIdText,
  account: z
    .string()
    .transform(parseId)
    .pipe(z.int('is not an account id').max(2 ** 32 - 1)),
  asset: assetCode,
  amount: decimalText,
})

/** What operators do. Every command has an id and can be sent again safely. */
export function adminRoutes(router: GatewayRouter, dependencies: GatewayDependencies): void {
  listing(router, dependencies)
  trading(router, dependencies)
  funding(router, dependencies)
}

function listing(router: GatewayRouter, { submit, directory, matchingShards }: GatewayDependencies): void {
  router.post('/assets', async (ctx) => {
    const { code, scale, command_id: commandId = randomUUID() } = parse(assetBody, bodyOf(ctx))
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      requireDone(await submit(OPERATORS_SHARD, { type: 'listAsset', commandId, code, scale }))
      return { status: 'accepted', asset: code, command_id: commandId }
    })
  })

  router.post('/symbols', async (ctx) => {
    const { command_id: commandId = randomUUID(), base, quote, ...rest } = parse(symbolBody, bodyOf(ctx))
    const pair = {
      base: await assetNamed(directory, base, 'base'),
      quote: await assetNamed(directory, quote, 'quote'),
    }
    const wanted = accept(newListing(rest, { ...pair, matchingShards }))
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      requireDone(await submit(OPERATORS_SHARD, { type: 'listSymbol', commandId, listing: wanted }))
      return { status: 'accepted', symbol: wanted.name, command_id: commandId }
    })
  })
}

function trading(router: GatewayRouter, { submit, directory }: GatewayDependencies): void {
  router.post('/symbols/:symbol/state', async (ctx) => {
    const { state, command_id: commandId = randomUUID() } = parse(stateBody, bodyOf(ctx))
    const { symbol, name } = await listingNamed(directory, ctx.params['symbol'])
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      requireDone(await submit(OPERATORS_SHARD, { type: 'setSymbolState', commandId, symbol, state }))
      return { status: 'accepted', symbol: name, state, command_id: commandId }
    })
  })

  router.post('/symbols/:symbol/fees', async (ctx) => {
    const body = parse(feesBody, bodyOf(ctx))
    const {
      maker_fee_ppm: makerFeePpm,
      taker_fee_ppm: takerFeePpm,
      command_id: commandId = randomUUID(),
    } = body
    const { symbol, name } = await listingNamed(directory, ctx.params['symbol'])
    ctx.status = 202
    ctx.body = await naming({ command_id: commandId }, async () => {
      const fees = { makerFeePpm, takerFeePpm }
      requireDone(await submit(OPERATORS_SHARD, { type: 'setFees', commandId, symbol, ...fees }))
      return { status: 'accepted', symbol: name, command_id: commandId }
    })
  })
}

function funding(router: GatewayRouter, dependencies: GatewayDependencies): void {
  const { directory, riskShards } = dependencies

  router.post('/accounts', async (ctx) => {
    const { owner } = parse(accountBody, bodyOf(ctx))
    const { account, repeated } = await openAccount(dependencies, owner)
    ctx.status = repeated ? 200 : 201
    ctx.body = { account: String(account), owner }
  })

  for (const [path, type] of [
    ['/deposits', 'deposit'],
    ['/withdrawals', 'withdraw'],
  ] as const) {
    router.post(path, async (ctx) => {
      const { account, asset, amount, transfer_id: commandId } = parse(transferBody, bodyOf(ctx))
      if (shardOfAccount(account) >= riskShards) throw problem('unknown_account')
      const { asset: number, scale } = await assetNamed(directory, asset, 'asset')
      const transfer = {
        account,
        commandId,
        asset: number,
        amount: accept(amountOf('amount', amount, scale)),
      }
      ctx.status = 202
      ctx.body = await naming({ transfer_id: commandId }, async () => {
        requireDone(await submitFor(dependencies, { type, ...transfer }))
        return { status: 'accepted', transfer_id: commandId }
      })
    })
  }
}

async function assetNamed(directory: Directory, code: string, field: string): Promise<Asset> {
  const asset = await directory.asset(code)
  if (asset === undefined) throw problem('unknown_asset', undefined, { field })
  return asset
}
