import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { closePostgres, connectPostgres, type DatabasePlace } from '@bourse/platform/postgres'
import { Resources } from '@bourse/platform/resources'
import { CopyJob, type CutParts } from './copy-job.ts'
import { requireUnused } from './unused-place.ts'

const STATEMENT_TIMEOUT_MS = 60_000

export type CutCopiesOptions = Pick<CutParts, 'shape' | 'durability' | 'print'> & {
  /** This region's brokers, and those that have the copies. */
  readonly target: KafkaConnection
  readonly source: KafkaConnection
  readonly prefix: string
  /** Where the recovered exchange will keep its books; looked at only to open. */
  readonly database: DatabasePlace
  readonly open: boolean
  /** Follows the copies until this is aborted. @default what is there now is read, once */
  readonly until?: AbortSignal | undefined
}

/**
 * Makes the cut as far as the copies go; then follows, and opens, as asked. Safe to repeat until it is opened.
 *
 * @throws CutRefused, PlaceInUse, WrongCopyError, KafkaError
 */
export async function cutCopies(options: CutCopiesOptions): Promise<void> {
  const { source, target, prefix, shape, durability, print, open, until } = options
  const resources = new Resources()
  const own = <Client extends { close(): unknown }>(client: Client): Client =>
    resources.own(client, (each) => each.close())
  const onFatal = (error: Error): never => {
    throw error
  }
  try {
    if (open) await requireUnusedDatabase(options)
    const job = own(
      await CopyJob.start({
        source: { connection: source, admin: own(await connectAdmin(source)), prefix },
        target: {
          connection: target,
          admin: own(await connectAdmin(target)),
          producer: own(await connectProducer({ ...target, onFatal })),
        },
        ...{ shape, durability, print },
      }),
    )
    await job.copy()
    if (until !== undefined) await job.follow(until)
    job.tell()
    if (open) await job.open()
  } finally {
    await resources.closeAll()
  }
}

async function requireUnusedDatabase({ database, target, shape }: CutCopiesOptions): Promise<void> {
  const sql = connectPostgres({
    ...{ ...database, max: 1, applicationName: 'operator', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  })
  await requireUnused({ sql, kafka: target }, shape).finally(() => closePostgres(sql))
}
