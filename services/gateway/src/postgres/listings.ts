import type { Asset, Listing } from '@bourse/domain/listing'
import { invariant } from '@bourse/domain/result'
import { lots, ticks } from '@bourse/domain/units'
import { assets, symbols, symbolStates } from '@bourse/ledger/schema'
import type { SymbolState } from '@bourse/protocol/entries'
import { asc, eq } from 'drizzle-orm'
import type { Reader } from './books.ts'

export type ListedSymbol = { readonly listing: Listing; readonly state: SymbolState }
export type Listed = { readonly assets: readonly Asset[]; readonly symbols: readonly ListedSymbol[] }

/** Everything that is listed. A symbol that matching has not spoken of yet is `opening`. */
export async function readListed(db: Reader): Promise<Listed> {
  const assetRows = await db.select().from(assets)
  const byNumber = new Map(assetRows.map((asset) => [asset.asset, asset]))
  const rows = await db
    .select()
    .from(symbols)
    .leftJoin(symbolStates, eq(symbols.symbol, symbolStates.symbol))
    .orderBy(asc(symbols.name))
  return {
    assets: assetRows,
    symbols: rows.map((row) => ({
      listing: listingOf(row.symbols, byNumber),
      state: row.symbol_states?.state ?? 'opening',
    })),
  }
}

function listingOf(row: typeof symbols.$inferSelect, byNumber: ReadonlyMap<number, Asset>): Listing {
  const base = byNumber.get(row.base)
  const quote = byNumber.get(row.quote)
  invariant(base !== undefined && quote !== undefined, `an asset of ${row.name} is not in the table`)
  return {
    ...row,
    base,
    quote,
    minLots: lots(row.minLots),
    maxLots: lots(row.maxLots),
    referencePrice: ticks(row.referencePrice),
  }
}
