import { setTimeout as sleep } from 'node:timers/promises'
import { openArchive } from '@bourse/input-archive/open-archive'
import { migrateLedger } from '@bourse/ledger/migrate'
import { PostgresSnapshotStore } from '@bourse/platform/engine/snapshot-store'
import { createOpsApp } from '@bourse/platform/health'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectProducer } from '@bourse/platform/kafka/producer'
import { listen } from '@bourse/platform/listen'
import { createMetrics } from '@bourse/platform/metrics'
import {
  accessTo,
  closePostgres,
  connectPostgres,
  type Database,
  type DatabasePlace,
} from '@bourse/platform/postgres'
import { Resources } from '@bourse/platform/resources'
import { untilDone } from '@bourse/platform/until-done'
import { ArchivedInputs } from './archived-inputs.ts'
import { CopiedTopics } from './copied-topics.ts'
import { CopyJob, type CutParts } from './copy-job.ts'
import type { CutPosition } from './core/cut-position.ts'
import { inputKey } from './core/largest-cut.ts'
import { RECORDS_REMEMBERED } from './core/recent-records.ts'
import { CutLock } from './cut-lock.ts'
import { publishCutMetrics } from './cut-metrics.ts'
import { CutRefused } from './cut-refused.ts'
import { requireNothingOwed, requireUsable } from './place-in-use.ts'
import { PositionStore } from './position-store.ts'
import { provenPosition } from './proven-position.ts'
import { RecordReader } from './record-reader.ts'

const STATEMENT_TIMEOUT_MS = 60_000
const OPS_DRAIN_MS = 1_000
const COPIES_POLL_MS = 5_000

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

export type CutCopiesOptions = Pick<CutParts, 'shape' | 'durability' | 'print' | 'remembered'> & {
  readonly copies: Copies
  /** This region's brokers. */
  readonly target: KafkaConnection
  /** Where the recovered exchange keeps its books, and the cut how far it has come. Brought to this version's schema. */
  readonly database: DatabasePlace
  readonly open: boolean
  /** Follows the copies until this is aborted. @default what is there now is read, once */
  readonly until?: AbortSignal | undefined
  /** Where /live, /ready and /metrics are served meanwhile. @default nowhere */
  readonly ops?:
    { readonly port: number; readonly host?: string | undefined; readonly version: string } | undefined
}

/**
 * Makes the cut as far as the copies go; then follows, and opens, as asked. Goes on where an earlier cut has come. Safe to
 * repeat until it is opened.
 *
 * @throws CutRefused, PlaceInUse, WrongCopyError, ArchiveError, KafkaError
 */
export async function cutCopies(options: CutCopiesOptions): Promise<void> {
  const { target, shape, durability, print, open, until, database, remembered } = options
  const resources = new Resources()
  const own = <Client extends { close(): unknown }>(client: Client): Client =>
    resources.own(client, (each) => each.close())
  const onFatal = (error: Error): never => {
    throw error
  }
  try {
    const ops = await serve(options, resources)
    const sql = resources.own(
      connectPostgres({
        ...{ ...database, max: 2, applicationName: 'cut', statementTimeoutMs: STATEMENT_TIMEOUT_MS },
      }),
      closePostgres,
    )
    if (open) await requireUsable({ sql, kafka: target }, shape)
    const lock = await takenLock(options, () => ops?.tell('ready'))
    if (lock === undefined) return
    own(lock)
    ops?.tell('reading')
    await migrateLedger(database.url, Date.now(), accessTo(database))
    const positions = new PositionStore(sql)
    const position = await foundPosition(options, positions)
    const found = await untilCopied(options, position)
    if (found === undefined) return
    const source = own(found)
    const job = await CopyJob.start({
      source,
      target: {
        connection: target,
        admin: own(await connectAdmin(target)),
        producer: own(await connectProducer({ ...target, onFatal })),
      },
      ...{ shape, durability, print, position, remembered, lost: lock.lost },
      keepPosition: (...noted) => positions.save(...noted),
    })
    if (source instanceof CopiedTopics) ops?.publish(job, source)
    await job.copy()
    ops?.tell('ready')
    if (until !== undefined) await job.follow(until)
    job.tell()
    if (!open) return
    await job.close()
    await requireNothingOwed(snapshotsIn(sql, print), job.cut)
    await job.begin()
  } finally {
    await resources.closeAll()
  }
}

/** Who follows waits for the database, and for the end of another cut; undefined where the wait was aborted. */
async function takenLock(
  { database, until, print }: CutCopiesOptions,
  onWait: () => void,
): Promise<CutLock | undefined> {
  const onOther = (): void => {
    print('another cut is running here: waiting for its end')
    onWait()
  }
  const take = (): Promise<CutLock | undefined> => CutLock.take({ database, until, onWait: onOther })
  if (until === undefined) return take()
  const onAway = (error: unknown): void => print(`waiting for PostgreSQL: ${(error as Error).message}`)
  try {
    return await untilDone(take, { signal: until, onWait: onAway })
  } catch (error) {
    if (until.aborted) return undefined
    throw error
  }
}

/**
 * Serves what a cluster asks a process, where it is to be served. Who only waits for another cut's end is ready: so the one
 * in whose place it is started may go.
 */
async function serve({ ops }: CutCopiesOptions, resources: Resources) {
  if (ops === undefined) return undefined
  const metrics = createMetrics({ service: 'cut', version: ops.version })
  let state: 'reading' | 'ready' = 'reading'
  const checks = {
    caught_up: () => {
      if (state === 'reading') throw new Error('still reading what has been copied')
    },
  }
  resources.own(await listen(createOpsApp({ checks, metrics }), ops), (server) => server.close(OPS_DRAIN_MS))
  return {
    publish: ({ cut }: CopyJob, copies: CopiedTopics): void => publishCutMetrics(metrics, { cut, copies }),
    tell: (now: typeof state): void => void (state = now),
  }
}

async function foundPosition(
  { copies, target, shape, print }: CutCopiesOptions,
  positions: PositionStore,
): Promise<CutPosition | undefined> {
  if (!('kafka' in copies)) return undefined
  const found = await positions.newest()
  if (found.length === 0) return undefined
  const readers = new Resources()
  try {
    const connect = async (to: KafkaConnection): Promise<RecordReader> =>
      readers.own(await RecordReader.connect(to), (reader) => reader.close())
    const places = { copies: await connect(copies.kafka), cut: await connect(target) }
    const proven = await provenPosition({ ...places, prefix: copies.prefix, shape }, found)
    print(
      proven === undefined
        ? 'no position of an earlier cut fits what is here: the copies are read from their beginnings'
        : `goes on from ${proven.inputs.map((input) => `${inputKey(input)} at ${input.next}`).join(', ')} of the copies`,
    )
    return proven
  } finally {
    await readers.closeAll()
  }
}

/** Who follows waits until every copy has begun; undefined where the wait was aborted. */
async function untilCopied(
  options: CutCopiesOptions,
  position: CutPosition | undefined,
): Promise<CopiedTopics | ArchivedInputs | undefined> {
  const { until, print } = options
  for (;;) {
    try {
      return await openCopies(options, position)
    } catch (error) {
      const isToCome = error instanceof CutRefused && error.code === 'copies_incomplete'
      if (until === undefined || !isToCome) throw error
      print(`waiting for copies: ${error.message}`)
    }
    await sleep(COPIES_POLL_MS, undefined, { signal: until }).catch(() => undefined)
    if (until.aborted) return undefined
  }
}

function openCopies(
  { copies, shape, print, remembered = RECORDS_REMEMBERED }: CutCopiesOptions,
  position: CutPosition | undefined,
): Promise<CopiedTopics | ArchivedInputs> {
  if ('kafka' in copies) {
    const nexts = new Map(position?.inputs.map((input) => [inputKey(input), input.next]))
    return CopiedTopics.open({
      ...{ ...copies, shape },
      from: (input) => Math.max(0, (nexts.get(inputKey(input)) ?? 0) - remembered),
    })
  }
  const { archive, toFirstGap } = copies
  return ArchivedInputs.open({ archive: openArchive(archive), toFirstGap, shape, print })
}

const snapshotsIn = (sql: Database, print: (line: string) => void): PostgresSnapshotStore =>
  new PostgresSnapshotStore(sql, ({ machine, shard }, offset, { message }) =>
    print(`the snapshot of ${machine}/${shard} at ${offset} is not sound, and is passed over: ${message}`),
  )
