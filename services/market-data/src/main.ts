import { createOpsApp } from '@bourse/platform/health'
import { listen } from '@bourse/platform/http'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { runService } from '@bourse/platform/lifecycle'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { connectRedis } from '@bourse/platform/redis'
import { readConfig } from './config.ts'
import { countEntries, createEvents } from './events.ts'
import { FeedReader } from './kafka/feed-reader.ts'
import { Checkpoints } from './postgres/checkpoints.ts'
import { redisCache } from './redis/cache.ts'
import { Publisher } from './redis/publisher.ts'

const NAME = 'market-data'
const config = readConfig()
const log = createLog({ name: NAME, level: config.LOG_LEVEL })

await runService({ graceMs: config.SHUTDOWN_GRACE_MS, log }, async ({ resources, shutdown }) => {
  const { signal } = shutdown
  const metrics = createMetrics({ service: NAME })
  const events = createEvents(log, metrics)
  const onFatal = (error: Error) => shutdown.abort(error)
  const kafka = { brokers: config.KAFKA_BROKERS, clientId: NAME, log }
  const { DATABASE_URL: url, CHECKPOINT_INTERVAL_MS: checkpointIntervalMs } = config

  const database = connectPostgres({ url, max: 2, applicationName: NAME, statementTimeoutMs: 10_000 })
  const sql = resources.own(database, closePostgres)
  const redis = await connectRedis({ url: config.REDIS_URL, log, clientName: NAME })
  resources.own(redis, (each) => each.destroy())
  const admin = resources.own(await connectAdmin(kafka), (each) => each.close())

  const checkpoints = new Checkpoints(sql, TOPICS.ordersOut)
  const publisher = new Publisher({
    cache: redisCache(redis),
    events,
    intervalMs: config.PUBLISH_INTERVAL_MS,
  })
  const reader = new FeedReader({
    topic: TOPICS.ordersOut,
    load: (partition) => checkpoints.load(partition),
    save: (feed) => checkpoints.save(feed),
    watermarks: (topic, partition) => admin.watermarks(topic, partition),
    publisher,
    events,
    checkpointIntervalMs,
  })
  countEntries(metrics, () => reader.feeds)
  const onAssign = reader.assign.bind(reader)
  const onRevoke = reader.revoke.bind(reader)
  const membership = { ...kafka, groupId: NAME, topics: [TOPICS.ordersOut], onAssign, onRevoke, onFatal }
  const group = resources.own(await joinConsumerGroup(membership), (each) => each.close())
  const running = Promise.all([
    reader.run(group, signal),
    reader.runLag(group, signal),
    publisher.run(signal),
  ])
  resources.own(running.catch(onFatal), (ended) => ended)
  resources.own(reader.runCheckpoints(signal), (ended) => ended)

  const app = createOpsApp({ checks: { redis: async () => void (await redis.ping()) }, metrics })
  const ops = resources.own(await listen(app, { port: config.OPS_PORT }), (each) => each.close(1_000))
  log.info({ opsPort: ops.port }, 'started')
})
