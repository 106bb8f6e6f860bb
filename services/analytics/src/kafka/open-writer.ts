import type { TopicPartition, TopicPartitionOffset, Watermarks } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import { WrongLogError } from '@bourse/protocol/replica'
import { hashOf, hashText } from '@bourse/protocol/stream-hash'
import { logNamedBy, startOf } from '../core/event-reader.ts'
import { outputKey, type Output, type Position } from '../core/position.ts'
import { TablesError } from '../core/tables-error.ts'
import type { Tables } from '../parquet/tables.ts'
import { TableWriter, type WriterEvents } from './table-writer.ts'

export type OpenWriterOptions = {
  readonly output: Output
  /** The output in Kafka. */
  readonly partition: TopicPartition
  readonly tables: Tables
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly recordAt: (at: TopicPartitionOffset) => Promise<Message>
  readonly events: WriterEvents & { readonly tabled: (output: Output, logTimeMs: number) => void }
}

/**
 * Goes on where an output's files end, after the trades of the last one were made sure of, and after a proof that they
 * are of this log. The group's offset is not asked: whatever it says, files decide.
 *
 * @throws TablesError, WrongLogError
 */
export async function openWriter(options: OpenWriterOptions): Promise<TableWriter> {
  const { output, tables, events } = options
  const last = await tables.last(output)
  if (last === undefined)
    return new TableWriter({ output, tables, position: await beginning(options), events })
  await requireSameLog(last.after, options)
  await tables.writeTrades(output, last)
  events.tabled(output, last.after.lastTime)
  return new TableWriter({ output, tables, position: last.after, events })
}

async function beginning({ output, partition, watermarks, recordAt }: OpenWriterOptions): Promise<Position> {
  const { low } = await watermarks(partition.topic, partition.partition)
  if (low > 0)
    throw new TablesError('log_incomplete', `${outputKey(output)} begins at ${low}, and has no file yet`)
  return startOf(logNamedBy((await recordAt({ ...partition, offset: 0 })).value))
}

/** A cut begins with other records under the same offsets, so names and hashes tell. */
async function requireSameLog(
  { log, nextOffset, lastRecord }: Position,
  { output, partition, watermarks, recordAt, tables }: OpenWriterOptions,
): Promise<void> {
  const where = `${outputKey(output)} at ${tables.place}`
  const { low, high } = await watermarks(partition.topic, partition.partition)
  if (nextOffset < low)
    throw new TablesError('log_incomplete', `${where} ends before ${nextOffset}, the log begins at ${low}`)
  const refuse = (what: string): never => {
    throw new WrongLogError(`${where} ${what}. Give this log tables under another prefix`)
  }
  if (nextOffset > high) refuse(`goes up to offset ${nextOffset - 1}, and the log ends before ${high}`)
  if (low === 0) {
    const named = logNamedBy((await recordAt({ ...partition, offset: 0 })).value)
    if (named !== log) refuse(`is of log ${log}, and this is log ${named}`)
  }
  if (nextOffset === low) return
  const { value } = await recordAt({ ...partition, offset: nextOffset - 1 })
  if (hashText(hashOf(value)) !== lastRecord) refuse(`was made of another record at ${nextOffset - 1}`)
}
