import { parquetMetadata, type SchemaElement } from 'hyparquet'

/** A file's columns, by what any reader of Parquet sees: names, with their types as a catalogue calls them. */
export function columnsOf(file: Buffer): readonly (readonly [name: string, type: string])[] {
  const { schema } = parquetMetadata(new Uint8Array(file).buffer)
  return schema.slice(1).map((element) => [element.name, typeOf(element)] as const)
}

function typeOf({ type, converted_type: converted }: SchemaElement): string {
  const known: Readonly<Record<string, string>> = {
    'BYTE_ARRAY UTF8': 'string',
    'INT32 ': 'int',
    'INT64 ': 'bigint',
    'INT64 TIMESTAMP_MILLIS': 'timestamp',
  }
  const found = `${type} ${converted ?? ''}`
  return known[found] ?? `unknown: ${found}`
}
