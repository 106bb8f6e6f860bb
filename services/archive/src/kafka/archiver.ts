import { ArchiveError } from '@bourse/input-archive/archive-error'
import type { ArchivedInput } from '@bourse/input-archive/file-name'
import type { InputArchive } from '@bourse/input-archive/input-archive'
import { endOf } from '@bourse/input-archive/input-file'
import type { TopicPartition, TopicPartitionOffset, Watermarks } from '@bourse/platform/kafka/client'
import type { CommittedOffset } from '@bourse/platform/kafka/committed'
import type { Message } from '@bourse/platform/kafka/consumer'
import { GatheringConsumer, type GatheringEvents } from '@bourse/platform/kafka/gathering-consumer'
import { logNamedBy, requireSameLog } from '../core/same-log.ts'
import { ChainWriter, type Written } from './chain-writer.ts'

export type ArchiverOptions = {
  /** The names of the two logs in Kafka. */
  readonly topics: Readonly<Record<ArchivedInput['topic'], string>>
  readonly archive: InputArchive
  readonly fileAgeMsMax: number
  readonly watermarks: (topic: string, partition: number) => Promise<Watermarks>
  readonly committed: (partitions: readonly TopicPartition[]) => Promise<readonly CommittedOffset[]>
  readonly recordAt: (at: TopicPartitionOffset) => Promise<Message>
  readonly events: ArchiverEvents
}

/** What happens to the archive, for counters and logs. */
export type ArchiverEvents = GatheringEvents<ArchivedInput['topic'], Written> & {
  /** How far an input's chain goes when it is assigned, in log time. */
  readonly archived: (input: ArchivedInput, logTimeMs: number) => void
}

export type Archiver = GatheringConsumer<ArchivedInput['topic'], Written>

/** Archives the inputs that its group gives it. A log that is another than the archive's ends the process. */
export const createArchiver = (options: ArchiverOptions): Archiver =>
  new GatheringConsumer({
    ...options,
    begin: (input, partition) => begin(options, input, partition),
    isContradiction: (error): error is Error =>
      error instanceof ArchiveError && error.code !== 'archive_of_another_log',
  })

/** Where the chain ends, after a proof that it is of this log. @throws ArchiveError */
async function begin(
  { archive, watermarks, committed, recordAt, events }: ArchiverOptions,
  input: ArchivedInput,
  partition: TopicPartition,
): Promise<ChainWriter> {
  const [hint] = await committed([partition])
  const last = await archive.last(input, hint?.offset)
  const { low, high } = await watermarks(partition.topic, partition.partition)
  const end = last === undefined ? 0 : endOf(last)
  if (low > 0 && low > end - 1)
    throw new ArchiveError('input_incomplete', `the log begins at ${low}, the archive ends before ${end}`)
  const log =
    last !== undefined && low > 0 ? last.log : logNamedBy((await recordAt({ ...partition, offset: 0 })).value)
  if (last !== undefined) {
    const record = end <= high ? await recordAt({ ...partition, offset: end - 1 }) : undefined
    try {
      requireSameLog(last, { log, high, record })
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error
      const where = `${input.topic}/${input.partition} at ${archive.place}`
      throw new ArchiveError(error.code, `${where}: ${error.detail}`)
    }
    events.archived(input, last.records.at(-1)?.timestamp ?? 0)
  }
  return new ChainWriter({ input, archive, log, last })
}
