import { checkListing } from '@bourse/domain/listing'
import { refusalCodes, type RefusalCode } from '@bourse/domain/refusals'
import type { Entry, EntryOf } from '@bourse/protocol/entries'
import type { Context } from '@bourse/protocol/shard'
import { contentOf } from './fingerprint.ts'
import { answer, type RiskState } from './risk-state.ts'

export type ListingCommand =
  EntryOf<'listAsset'> | EntryOf<'listSymbol'> | EntryOf<'setSymbolState'> | EntryOf<'setFees'>

/**
 * An operator's command. They enter at shard 0 alone, which numbers what is listed and forwards it in sequence, so that
 * every shard agrees on numbers and order.
 */
export function applyListingCommand(state: RiskState, command: ListingCommand, context: Context): void {
  if (state.shard !== 0) return
  const key = `operator\n${command.commandId}`
  const content = contentOf(command)
  const first = state.fundsIds.get(key)
  if (first !== undefined) {
    const refusal = first.content === content ? first.refusal : refusalCodes.duplicate_with_other_content
    return answer(context, command, { orderId: first.number, refusal, repeated: first.content === content })
  }
  if (state.fundsIds.size >= state.limits.fundsIdsMax) {
    return answer(context, command, { refusal: refusalCodes.limit_reached })
  }
  const done = carryOut(state, command, context)
  const refused = typeof done === 'string'
  const outcome = refused ? { number: 0, refusal: refusalCodes[done] } : { number: done, refusal: 0 }
  state.fundsIds.set(key, { content, ...outcome })
  answer(context, command, { orderId: outcome.number, refusal: outcome.refusal })
}

/** Learns a fact from shard 0, or, on shard 0, from itself; tells matching of a symbol that is now known here. */
export function learn(
  state: RiskState,
  fact: EntryOf<'assetListed'> | EntryOf<'symbolListed'> | EntryOf<'feesChanged'>,
  context: Context,
): void {
  switch (fact.type) {
    case 'assetListed':
      return state.registry.addAsset(fact.asset)
    case 'feesChanged':
      return state.registry.setFees(fact.symbol, fact.makerFeePpm, fact.takerFeePpm)
    case 'symbolListed':
      state.registry.addSymbol(fact.listing)
      context.send({ topic: 'orders.in', partition: fact.listing.partition }, fact)
  }
}

/** The number of what was listed or changed, or why not. */
function carryOut(state: RiskState, command: ListingCommand, context: Context): number | RefusalCode {
  switch (command.type) {
    case 'listAsset': {
      if (state.registry.assetOfCode(command.code) !== undefined) return 'already_exists'
      const asset = { asset: state.registry.nextAsset, code: command.code, scale: command.scale }
      publish(state, { type: 'assetListed', asset }, context)
      return asset.asset
    }
    case 'listSymbol':
      return listSymbol(state, command, context)
    case 'setSymbolState': {
      const symbol = state.registry.symbol(command.symbol)
      if (symbol === undefined) return 'unknown_symbol'
      if (command.state === 'opening') return 'malformed'
      const book = { topic: 'orders.in', partition: symbol.listing.partition } as const
      context.send(book, { type: 'symbolStateChanged', symbol: command.symbol, state: command.state })
      return command.symbol
    }
    case 'setFees': {
      const { symbol, makerFeePpm, takerFeePpm } = command
      const listed = state.registry.symbol(symbol)
      if (listed === undefined) return 'unknown_symbol'
      const checked = checkListing(
        { ...listed.listing, makerFeePpm, takerFeePpm },
        state.topology.matchingShards,
      )
      if (!checked.ok) return 'bad_listing'
      publish(state, { type: 'feesChanged', symbol, makerFeePpm, takerFeePpm }, context)
      return symbol
    }
  }
}

function listSymbol(
  state: RiskState,
  { listing }: EntryOf<'listSymbol'>,
  context: Context,
): number | RefusalCode {
  const base = state.registry.asset(listing.base.asset)
  const quote = state.registry.asset(listing.quote.asset)
  if (base === undefined || quote === undefined || base === quote) return 'unknown_asset'
  if (state.registry.symbolOfName(listing.name) !== undefined) return 'already_exists'
  const numbered = { ...listing, symbol: state.registry.nextSymbol, base, quote }
  if (!checkListing(numbered, state.topology.matchingShards).ok) return 'bad_listing'
  publish(state, { type: 'symbolListed', listing: numbered, riskShards: state.topology.riskShards }, context)
  return numbered.symbol
}

function publish(
  state: RiskState,
  fact: EntryOf<'assetListed'> | EntryOf<'symbolListed'> | EntryOf<'feesChanged'>,
  context: Context,
): void {
  learn(state, fact, context)
  for (let partition = 1; partition < state.topology.riskShards; partition++) {
    context.send({ topic: 'risk.in', partition }, fact satisfies Entry)
  }
  context.send(state.facts, fact)
}
