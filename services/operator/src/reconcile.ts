import { isComplete, reconcile, type Comparison, type SymbolUnits } from './core/reconciliation.ts'
import { CutTimeout, takeCut, type CutParts } from './take-cut.ts'

const ATTEMPTS_MAX = 3
const DIFFERENCES_SHOWN_MAX = 20
const RECONCILIATIONS_KEPT = 10_000

/** Exit codes: everything is the same, something differs, nothing could be compared. */
export const SAME = 0
export const DIFFERENT = 1
export const NOT_COMPARED = 2

/** Takes a cut, compares it, prints what was compared and keeps the outcome for the alarms. A cut that a restart made void is taken again. */
export async function reconcileExchange(
  parts: CutParts,
  timeoutMs: number,
  print: (line: string) => void,
): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      const cut = await takeCut(parts, timeoutMs)
      if (isComplete(cut)) {
        const comparisons = reconcile(cut, await symbolUnits(parts))
        const outcome = report(comparisons, print)
        await record(parts, cut.marker, comparisons)
        return outcome
      }
      print(`attempt ${attempt}: a shard restarted during the cut`)
    } catch (error) {
      if (!(error instanceof CutTimeout)) throw error
      print(`attempt ${attempt}: ${error.message}`)
    }
  }
  print('nothing was compared: is every service running? See `make status`')
  return NOT_COMPARED
}

async function symbolUnits({ sql }: CutParts): Promise<ReadonlyMap<number, SymbolUnits>> {
  const rows = await sql<Record<'symbol' | 'base' | 'quote' | 'baseDecimals' | 'quoteDecimals', number>[]>`
    select symbol, base, quote, b.scale - lot_decimals as "baseDecimals",
      q.scale - tick_decimals - lot_decimals as "quoteDecimals"
    from symbols join assets b on b.asset = base join assets q on q.asset = quote`
  return new Map(
    rows.map(({ symbol, base, quote, baseDecimals, quoteDecimals }) => [
      symbol,
      { base, quote, baseUnit: 10n ** BigInt(baseDecimals), quoteUnit: 10n ** BigInt(quoteDecimals) },
    ]),
  )
}

/** The outcome, for settlement's metrics and for who asks later. */
async function record({ sql }: CutParts, marker: number, comparisons: readonly Comparison[]): Promise<void> {
  const differences = comparisons.reduce((sum, each) => sum + each.differences.length, 0)
  const shown = comparisons.map((each) => ({
    ...each,
    differences: each.differences.slice(0, DIFFERENCES_SHOWN_MAX),
  }))
  await sql`insert into reconciliations (marker, differences, comparisons)
    values (${marker}, ${differences}, ${JSON.stringify(shown)}::text::jsonb)`
  await sql`delete from reconciliations where marker not in (
    select marker from reconciliations order by marker desc limit ${RECONCILIATIONS_KEPT})`
}

function report(comparisons: readonly Comparison[], print: (line: string) => void): number {
  let differences = 0
  for (const { what, rows, differences: found } of comparisons) {
    print(`${found.length === 0 ? 'same     ' : 'DIFFERENT'}  ${what}: ${rows} rows`)
    for (const difference of found.slice(0, DIFFERENCES_SHOWN_MAX)) print(`           ${difference}`)
    if (found.length > DIFFERENCES_SHOWN_MAX)
      print(`           and ${found.length - DIFFERENCES_SHOWN_MAX} more`)
    differences += found.length
  }
  print(differences === 0 ? 'reconciled: no difference' : `not reconciled: ${differences} differences`)
  return differences === 0 ? SAME : DIFFERENT
}
