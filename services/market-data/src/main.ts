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
import { GATHERING, FeedReader } from './kafka/feed-reader.ts'
import { Checkpoints } from './postgres/checkpoints.ts'
import { redisCache } from './redis/cache.ts'
import { Publisher } from './redis/publisher.ts'
const NAME = 'market-data'
const { ordersOut: ORDERS_OUT } = TOPICS
const config = readConfig()
const log = createLog({ name: NAME, level: config.LOG_LEVEL })

await runService({ graceMs: config.SHUTDOWN_GRACE_MS, log }, async ({ resources, shutdown }) => {
  const { signal } = shutdown
  const metrics = createMetrics({ service: NAME })
  const events = createEvents(log, metrics)
  const kafka = { brokers: config.KAFKA_BROKERS, clientId: NAME, log }

  const database = { url: config.DATABASE_URL, max: 2, applicationName: NAME, statementTimeoutMs: 10_000 }
  const sql = resources.own(connectPostgres(database), closePostgres)
  const redis = await connectRedis({ url: config.REDIS_URL, log, clientName: NAME })
  resources.own(redis, (each) => each.destroy())
  const admin = resources.own(await connectAdmin(kafka), (each) => each.close())

  const cache = redisCache(redis)
  const publisher = new Publisher({ cache, events, intervalMs: config.PUBLISH_INTERVAL_MS })
  const checkpoints = new Checkpoints(sql, ORDERS_OUT)
  const watermarks = admin.watermarks.bind(admin)
  const { CHECKPOINT_INTERVAL_MS: checkpointIntervalMs } = config
  const reader = new FeedReader({ checkpoints, watermarks, publisher, events, checkpointIntervalMs })
  countEntries(metrics, () => reader.feeds)
  const onAssign = reader.assign.bind(reader)
  const onRevoke = reader.revoke.bind(reader)
  const onFatal = (error: Error) => shutdown.abort(error)
  const membership = {
    ...kafka,
    ...GATHERING,
    groupId: NAME,
    topics: [ORDERS_OUT],
    onAssign,
    onRevoke,
    onFatal,
  }
  const group = resources.own(await joinConsumerGroup(membership), (each) => each.close())
  const work = Promise.all([reader.run(group, signal), publisher.run(signal)])
  void resources.own(work.catch(onFatal), (ended) => ended)

  const app = createOpsApp({ checks: { redis: async () => void (await redis.ping()) }, metrics })
  const ops = resources.own(await listen(app, { port: config.PORT }), (each) => each.close(1_000))
  log.info({ opsPort: ops.port }, 'started')
})
