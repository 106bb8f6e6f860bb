import type { Machine } from '@bourse/protocol/shard'
import { z } from 'zod'
import { bool, databaseEnvironment, databasePlace, int, milliseconds, serviceEnvironment } from '../config.ts'
import { createOpsApp } from '../health.ts'
import { connectAdmin } from '../kafka/admin.ts'
import { connectCommittedOffsets } from '../kafka/committed.ts'
import { connectFollower } from '../kafka/consumer.ts'
import { joinGroup } from '../kafka/group.ts'
import { connectProducer } from '../kafka/producer.ts'
import { kafkaConnection, kafkaEnvironment } from '../kafka/security.ts'
import { runService } from '../lifecycle.ts'
import { listen } from '../listen.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { closePostgres, connectPostgres } from '../postgres.ts'
import { untilPrepared } from '../prepared.ts'
import { untilDone } from '../until-done.ts'
import { publishEngineAlarms, publishEngineMetrics } from './engine-metrics.ts'
import { Engine, type EngineKind } from './engine.ts'
import { PostgresSnapshotStore } from './snapshot-store.ts'
import { derivedOutputsOnly, isOpened, standbyGroupOf, untilOpened } from './standby-region.ts'

/** What every engine reads from its environment. */
export const engineEnvironment = {
  PORT: int({ min: 0, max: 65_535 }).default(8080),
  ...serviceEnvironment,
  ...kafkaEnvironment,
  ...databaseEnvironment,
  /** Snapshots are written and read over them. */
  DATABASE_CONNECTIONS: int({ min: 1, max: 64 }).default(2),
  SESSION_TIMEOUT_MS: milliseconds(1_000).default(3_000),
  COMMIT_INTERVAL_MS: milliseconds(1).default(200),
  OBSERVE_INTERVAL_MS: milliseconds(1).default(1_000),
  SNAPSHOT_INTERVAL_MS: milliseconds(100).default(30_000),
  TICK_INTERVAL_MS: milliseconds(1).default(1_000),
  SHUTDOWN_GRACE_MS: milliseconds(100).default(12_000),
  /** Follows the cut of another region's inputs, and tells no engine anything. */
  STANDBY_REGION: bool().default(false),
} as const

export type EngineConfig = Readonly<z.infer<z.ZodObject<typeof engineEnvironment>>>

/** Composes and runs an engine's process: restore, catch up, join the group, emit for what it is given. */
export async function runEngine<M extends Machine>(kind: EngineKind<M>, config: EngineConfig): Promise<void> {
  const name = `${kind.machine}-engine`
  const log = createLog({ name, level: config.LOG_LEVEL })
  const times = { graceMs: config.SHUTDOWN_GRACE_MS, drainDelayMs: config.DRAIN_DELAY_MS }
  await runService({ ...times, log }, async ({ resources, shutdown, draining }) => {
    const onFatal = (error: Error): void => shutdown.abort(error)
    const metrics = createMetrics({ service: name, version: config.BOURSE_VERSION })
    let engine: Engine<M> | undefined = undefined
    const checks = {
      caught_up: () => requireThat(engine?.ready === true, 'still catching up with the log'),
      running: () => requireThat(!engine?.stopped.length, `stopped: partition ${engine?.stopped.join(', ')}`),
    }
    const at = { port: config.PORT, host: config.HOST }
    resources.own(await listen(createOpsApp({ checks, metrics, draining }), at), (server) =>
      server.close(1_000),
    )

    const connection = kafkaConnection(config, { clientId: config.INSTANCE, log })
    const database = { ...databasePlace(config), max: config.DATABASE_CONNECTIONS }
    await untilPrepared({ kafka: connection, database, log, signal: shutdown.signal })
    const sql = resources.own(
      connectPostgres({ ...database, applicationName: name, statementTimeoutMs: 60_000 }),
      closePostgres,
    )
    if (!config.STANDBY_REGION) await untilOpened({ sql, log, signal: shutdown.signal })
    const admin = resources.own(await connectAdmin(connection), (client) => client.close())
    const producer = resources.own(await connectProducer({ ...connection, onFatal }), (client) =>
      client.close(),
    )
    const follower = resources.own(await connectFollower(connection), (client) => client.close())
    const groupId = config.STANDBY_REGION ? standbyGroupOf(name) : name
    const offsets = resources.own(await connectCommittedOffsets({ ...connection, groupId }), (client) =>
      client.close(),
    )
    const store = new PostgresSnapshotStore(sql, ({ machine, shard }, offset, err) =>
      log.error({ machine, shard, offset, err }, 'snapshot passed over: it is not sound'),
    )
    const intervals = {
      commitMs: config.COMMIT_INTERVAL_MS,
      observeMs: config.OBSERVE_INTERVAL_MS,
      snapshotMs: config.SNAPSHOT_INTERVAL_MS,
      tickMs: config.TICK_INTERVAL_MS,
    }
    const parts = { follower, producer, admin, offsets, store, log, onFatal }
    const standby = { producer: derivedOutputsOnly(producer), isOpened: () => isOpened(sql) }
    const following = new Engine(kind, config.STANDBY_REGION ? { ...parts, ...standby } : parts, intervals)
    publishEngineMetrics(following, metrics)
    publishEngineAlarms(following, metrics)
    engine = following

    const onWait = (err: unknown): void => log.warn({ err }, 'waiting for snapshots')
    await untilDone(() => following.restore(), { signal: shutdown.signal, onWait })
    const join = async () => {
      const group = await joinGroup({
        ...{
          ...connection,
          groupId,
          topics: [kind.inputTopic],
          sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
          onFatal,
        },
        onAssign: (partitions) => following.assigned(partitions),
        onRevoke: (partitions, how) => following.revoked(partitions, how),
      })
      return resources.own(group, (member) => member.close())
    }
    void following.run(shutdown.signal, join).catch(onFatal)
    log.info({ port: config.PORT, group: groupId }, 'started')
  })
}

function requireThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise)
}
