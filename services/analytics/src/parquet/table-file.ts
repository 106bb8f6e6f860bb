import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { z } from 'zod'
import { dayOf, type EventRow, type EventsFile, type Output, type Position } from '../core/position.ts'
import { TablesError } from '../core/tables-error.ts'
import type { TradeRow } from '../core/trade-rows.ts'
import { columnData, eventsOf, TRADES } from './columns.ts'

const FORMAT = { codec: 'SNAPPY', createdBy: 'bourse analytics' } as const

/** One file of `events`: its key-value metadata say whose it is, and where its successor begins. */
export function encodeEvents(output: Output, { rows, after }: EventsFile): Buffer {
  const columns = columnData(eventsOf(output), rows)
  const facts = { ...factsOf(output), position: JSON.stringify(after) }
  return encode(columns, rows.length, facts)
}

/** One file of `trades`: those of a file of `events`. */
export function encodeTrades(output: Output, rows: readonly TradeRow[]): Buffer {
  return encode(columnData(TRADES, rows), rows.length, factsOf(output))
}

const factsOf = ({ topic, partition }: Output) => ({ topic, partition: String(partition) })

function encode(
  columns: ReturnType<typeof columnData>,
  rowGroupSize: number,
  facts: Readonly<Record<string, string>>,
): Buffer {
  const kvMetadata = Object.entries(facts).map(([key, value]) => ({ key, value }))
  return Buffer.from(parquetWriteBuffer({ ...FORMAT, columnData: columns, rowGroupSize, kvMetadata }))
}

const position = z.object({
  log: z.string().min(1),
  nextOffset: z.int().min(1),
  lastRecord: z.string(),
  epoch: z.int(),
  lastSequence: z.int().min(1),
  lastHash: z.string(),
  lastTime: z.int(),
  listings: z.array(
    z.object({ symbol: z.int(), name: z.string(), tickDecimals: z.int(), lotDecimals: z.int() }),
  ),
}) satisfies z.ZodType<Position>

const eventRow = z
  .object({
    topic: z.string(),
    partition_number: z.int(),
    record_offset: z.bigint(),
    sequence: z.bigint(),
    type: z.string(),
    body: z.string(),
    appended_at: z.date(),
  })
  .transform((row): EventRow & { topic: string; partition: number } => ({
    topic: row.topic,
    partition: row.partition_number,
    offset: Number(row.record_offset),
    sequence: Number(row.sequence),
    type: row.type,
    body: row.body,
    time: row.appended_at.getTime(),
  }))

/**
 * Reads a file of `events`, and proves that it is what it says: of this output, one day, one entry after the other.
 *
 * @param name told where it is something else
 * @throws TablesError `file_damaged`
 */
export async function decodeEvents(output: Output, bytes: Buffer, name: string): Promise<EventsFile> {
  const parsed = await parse(bytes)
    .then(({ facts, rows }) => ({
      rows: z.array(eventRow).min(1).parse(rows),
      after: position.parse(JSON.parse(facts['position'] ?? '')),
    }))
    .catch((cause: Error) => {
      throw new TablesError('file_damaged', `${name}: ${cause.message}`, { cause })
    })
  const { after, rows } = parsed
  const firstSequence = after.lastSequence - rows.length + 1
  const wrong = rows.findIndex(
    ({ topic, partition, sequence, time }, i) =>
      topic !== output.topic ||
      partition !== output.partition ||
      sequence !== firstSequence + i ||
      dayOf(time) !== dayOf(after.lastTime),
  )
  if (wrong !== -1) throw new TablesError('file_damaged', `${name}: row ${wrong} does not belong there`)
  return {
    after,
    rows: rows.map(({ offset, sequence, type, body, time }) => ({ offset, sequence, type, body, time })),
  }
}

const tradeRow = z
  .object({
    ...{ trade_id: z.string(), symbol: z.string(), price: z.string(), quantity: z.string() },
    ...{ maker_order_id: z.string(), taker_order_id: z.string(), taker_side: z.string() },
    executed_at: z.date(),
  })
  .transform((row): TradeRow => ({
    tradeId: row.trade_id,
    symbol: row.symbol,
    price: row.price,
    quantity: row.quantity,
    makerOrderId: row.maker_order_id,
    takerOrderId: row.taker_order_id,
    takerSide: row.taker_side,
    time: row.executed_at.getTime(),
  }))

/** @throws TablesError `file_damaged` */
export async function decodeTrades(bytes: Buffer, name: string): Promise<readonly TradeRow[]> {
  const { rows } = await parse(bytes).catch((cause: Error) => {
    throw new TablesError('file_damaged', `${name}: ${cause.message}`, { cause })
  })
  const parsed = z.array(tradeRow).safeParse(rows)
  if (!parsed.success) throw new TablesError('file_damaged', `${name}: ${parsed.error.message}`)
  return parsed.data
}

async function parse(bytes: Buffer) {
  // A copy: the buffer may be a part of a larger one.
  const file = new Uint8Array(bytes).buffer
  const metadata = parquetMetadata(file)
  const facts = (metadata.key_value_metadata ?? []).map(({ key, value = '' }) => [key, value] as const)
  return {
    facts: Object.fromEntries(facts) as Readonly<Record<string, string>>,
    rows: await parquetReadObjects({ file, metadata }),
  }
}
