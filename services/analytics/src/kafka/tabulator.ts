import type { TopicPartitionOffset, Watermarks } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import { GatheringConsumer, type GatheringEvents } from '@bourse/platform/kafka/gathering-consumer'
import type { Output } from '../core/position.ts'
import { stopReason } from '../core/tables-error.ts'
import type { Tables } from '../parquet/tables.ts'
import { openWriter, type OpenWriterOptions } from './open-writer.ts'
import type { Written } from './table-writer.ts'

export type TabulatorOptions = {
  /** The names of the two logs in Kafka. */
  readonly topics: Readonly<Record<Output['topic'], string>>
  readonly tables: Tables
  readonly fileAgeMsMax: number
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly recordAt: (at: TopicPartitionOffset) => Promise<Message>
  readonly events: GatheringEvents<Output['topic'], Written> & OpenWriterOptions['events']
}

export type Tabulator = GatheringConsumer<Output['topic'], Written>

/** Writes the tables of what its group assigns. An output whose log or files contradict themselves stands still alone. */
export const createTabulator = (options: TabulatorOptions): Tabulator =>
  new GatheringConsumer({
    ...options,
    begin: (output, inKafka) => openWriter({ ...options, output, partition: inKafka }),
    isContradiction: (error): error is Error => stopReason(error) !== undefined,
  })
