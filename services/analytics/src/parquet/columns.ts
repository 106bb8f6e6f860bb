import type { ColumnSource } from 'hyparquet-writer'
import type { EventRow, Output } from '../core/position.ts'
import type { TradeRow } from '../core/trade-rows.ts'

/** As the catalogue of tables names types. */
export type ColumnType = 'string' | 'int' | 'bigint' | 'timestamp'
/** What a row has in a column: a timestamp is milliseconds since 1970. */
type Column<Row> = readonly [name: string, type: ColumnType, value: (row: Row) => string | number]

export const TRADES: readonly Column<TradeRow>[] = [
  ['trade_id', 'string', ({ tradeId }) => tradeId],
  ['symbol', 'string', ({ symbol }) => symbol],
  ['price', 'string', ({ price }) => price],
  ['quantity', 'string', ({ quantity }) => quantity],
  ['maker_order_id', 'string', ({ makerOrderId }) => makerOrderId],
  ['taker_order_id', 'string', ({ takerOrderId }) => takerOrderId],
  ['taker_side', 'string', ({ takerSide }) => takerSide],
  ['executed_at', 'timestamp', ({ time }) => time],
]

export const eventsOf = ({ topic, partition }: Output): readonly Column<EventRow>[] => [
  ['topic', 'string', () => topic],
  ['partition_number', 'int', () => partition],
  ['record_offset', 'bigint', ({ offset }) => offset],
  ['sequence', 'bigint', ({ sequence }) => sequence],
  ['type', 'string', ({ type }) => type],
  ['body', 'string', ({ body }) => body],
  ['appended_at', 'timestamp', ({ time }) => time],
]

type Format = Pick<ColumnSource, 'type' | 'encoding'>

const formats: Readonly<Record<ColumnType, Format & { readonly of: (value: never) => unknown }>> = {
  string: { type: 'STRING', of: (value: string) => value },
  int: { type: 'INT32', of: (value: number) => value },
  bigint: { type: 'INT64', encoding: 'DELTA_BINARY_PACKED', of: (value: number) => BigInt(value) },
  timestamp: { type: 'TIMESTAMP', encoding: 'DELTA_BINARY_PACKED', of: (value: number) => new Date(value) },
}

/** Rows as the writer of Parquet takes them. */
export function columnData<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): ColumnSource[] {
  return columns.map(([name, columnType, value]) => {
    const { of, ...format } = formats[columnType]
    return { name, nullable: false, ...format, data: rows.map((row) => of(value(row) as never)) }
  })
}
