import { openArchive } from '@bourse/input-archive/open-archive'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { closePostgres, connectPostgres, type DatabasePlace } from '@bourse/platform/postgres'
import { Resources } from '@bourse/platform/resources'
import { ArchivedInputs } from './archived-inputs.ts'
import { CopiedTopics } from './copied-topics.ts'
import { CopyJob, type CutParts } from './copy-job.ts'
import type { InputSource } from './input-source.ts'
import { requireUnused } from './unused-place.ts'

const STATEMENT_TIMEOUT_MS = 60_000

/** Where the inputs of the lost exchange are. */
export type Copies =
  | {
      /** Topics on these brokers, named as the originals behind a prefix, or an empty one. */
      readonly kafka: KafkaConnection
      readonly prefix: string
    }
  | {
      /** Its URL. */
      readonly archive: string
      /** See `ArchivedInputsOptions`. */
      readonly toFirstGap: boolean
    }

export type CutCopiesOptions = Pick<CutParts, 'shape' | 'durability' | 'print'> & {
  readonly copies: Copies
  /** This region's brokers. */
  readonly target: KafkaConnection
  /** Where the recovered exchange will keep its books; looked at only to open. */
  readonly database: DatabasePlace
  readonly open: boolean
  /** Follows the copies until this is aborted. @default what is there now is read, once */
  readonly until?: AbortSignal | undefined
}

/**
 * Makes the cut as far as the copies go; then follows, and opens, as asked. Safe to repeat until it is opened.
 *
 * @throws CutRefused, PlaceInUse, WrongCopyError, ArchiveError, KafkaError
 */
export async function cutCopies(options: CutCopiesOptions): Promise<void> {
  const { target, shape, durability, print, open, until } = options
  const resources = new Resources()
  const own = <Client extends { close(): unknown }>(client: Client): Client =>
    resources.own(client, (each) => each.close())
  const onFatal = (error: Error): never => {
    throw error
  }
  try {
    if (open) await requireUnusedDatabase(options)
    const job = await CopyJob.start({
      source: own(await openCopies(options)),
      target: {
        connection: target,
        admin: own(await connectAdmin(target)),
        producer: own(await connectProducer({ ...target, onFatal })),
      },
      ...{ shape, durability, print },
    })
    await job.copy()
    if (until !== undefined) await job.follow(until)
    job.tell()
    if (open) await job.open()
  } finally {
    await resources.closeAll()
  }
}

function openCopies({ copies, shape, print }: CutCopiesOptions): Promise<InputSource> {
  if ('kafka' in copies) return CopiedTopics.open({ ...copies, shape })
  const { archive, toFirstGap } = copies
  return ArchivedInputs.open({ archive: openArchive(archive), toFirstGap, shape, print })
}

async function requireUnusedDatabase({ database, target, shape }: CutCopiesOptions): Promise<void> {
  const sql = connectPostgres({
    ...{ ...database, max: 1, applicationName: 'operator', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  })
  await requireUnused({ sql, kafka: target }, shape).finally(() => closePostgres(sql))
}
