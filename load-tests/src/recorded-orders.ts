import { parseTicks } from '@bourse/domain/units'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'

/**
 * Recorded order events, one CSV line each: `id,timestamp,exchange.timestamp,price,volume,action,direction`. Timestamps
 * are milliseconds, prices decimals, volumes whole 10^-8 of the base asset: what the order asks for when it is
 * `created`, what is left of it when it is `changed` or `deleted`. A direction is `bid` or `ask`.
 */
export type RecordedEvent =
  | {
      readonly type: 'create'
      readonly id: string
      readonly at: number
      readonly side: 'buy' | 'sell'
      readonly price: string
      /** In 10^-8. */
      readonly volume: bigint
    }
  | { readonly type: 'cancel'; readonly id: string; readonly at: number }

export type Recording = {
  /** What clients send: orders, and cancels of what was left of them. */
  readonly events: readonly RecordedEvent[]
  readonly skipped: {
    /** Deleted with nothing left: matching filled it, nobody cancelled it. */
    readonly filled: number
    /** Changed: what matching decides. */
    readonly changed: number
    /** About orders created before the recording. */
    readonly unknown: number
  }
}

const line = z.object({
  id: z.string().regex(/^\d{1,20}$/),
  timestamp: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
  price: z.string().refine((text) => parseTicks(text, 8).ok, 'is no positive decimal'),
  volume: z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(BigInt),
  action: z.enum(['created', 'changed', 'deleted']),
  direction: z.enum(['bid', 'ask']),
})

/** Reads a recording. Throws an error that names the first line that does not fit. */
export function readRecording(text: string): Recording {
  const rows: unknown[] = parse(text, { columns: true, skip_empty_lines: true })
  const events: RecordedEvent[] = []
  const created = new Set<string>()
  const skipped = { filled: 0, changed: 0, unknown: 0 }
  rows.forEach((row, index) => {
    const parsed = line.safeParse(row)
    if (!parsed.success) throw new Error(`line ${index + 2}: ${z.prettifyError(parsed.error)}`)
    const { id, timestamp: at, price, volume, action, direction } = parsed.data
    if (action === 'created') {
      created.add(id)
      events.push({ type: 'create', id, at, side: direction === 'bid' ? 'buy' : 'sell', price, volume })
    } else if (!created.has(id)) skipped.unknown++
    else if (action === 'changed') skipped.changed++
    else if (volume === 0n) skipped.filled++
    else events.push({ type: 'cancel', id, at })
  })
  return { events, skipped }
}
