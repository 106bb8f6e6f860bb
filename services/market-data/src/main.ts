import { createOpsApp } from '@bourse/platform/health'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { runService } from '@bourse/platform/lifecycle'
import { listen } from '@bourse/platform/listen'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { untilPrepared } from '@bourse/platform/prepared'
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

await runService({ ...config.times, log }, async ({ resources, shutdown, draining }) => {
  const { signal } = shutdown
  const metrics = createMetrics({ service: NAME, version: config.BOURSE_VERSION })
  const events = createEvents(log, metrics)
  let joined = false
  const checks = {
    joined: () => {
      if (!joined) throw new Error('not a member of its group yet')
    },
  }
  const app = createOpsApp({ checks, metrics, draining })
  const ops = resources.own(await listen(app, config.ops), (each) => each.close(1_000))
  const kafka = kafkaConnection(config, { clientId: config.INSTANCE, log })
  await untilPrepared({ kafka, database: config.database, log, signal })
  const sql = resources.own(connectPostgres(config.database), closePostgres)
  const redis = await connectRedis({ ...config.redis, log })
  resources.own(redis, (each) => each.destroy())
  const admin = resources.own(await connectAdmin(kafka), (each) => each.close())

  const cache = redisCache(redis)
  const publisher = new Publisher({ cache, events, intervalMs: config.PUBLISH_INTERVAL_MS })
  const checkpoints = new Checkpoints(sql, ORDERS_OUT)
  const watermarks = admin.watermarks.bind(admin)
  const { CHECKPOINT_INTERVAL_MS: checkpointIntervalMs } = config
  const reader = new FeedReader({ checkpoints, watermarks, publisher, events, signal, checkpointIntervalMs })
  countEntries(metrics, () => reader.feeds)
  const onFatal = (error: Error) => shutdown.abort(error)
  const rebalances = { onAssign: reader.assign.bind(reader), onRevoke: reader.revoke.bind(reader) }
  const membership = { ...kafka, ...GATHERING, ...rebalances, groupId: NAME, topics: [ORDERS_OUT], onFatal }
  const group = resources.own(await joinConsumerGroup(membership), (each) => each.close())
  joined = true
  const work = Promise.all([reader.run(group, signal), publisher.run(signal)])
  void resources.own(work.catch(onFatal), (ended) => ended)

  log.info({ opsPort: ops.port }, 'started')
})
