import { openStore } from '@bourse/input-archive/open-archive'
import { createOpsApp } from '@bourse/platform/health'
import { listen } from '@bourse/platform/listen'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { GATHERING, POLL_INTERVAL_MS_MAX } from '@bourse/platform/kafka/gathering-consumer'
import { joinConsumerGroup } from '@bourse/platform/kafka/group'
import { readRecord } from '@bourse/platform/kafka/read-record'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { runService } from '@bourse/platform/lifecycle'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { untilPrepared } from '@bourse/platform/prepared'
import { readConfig } from './config.ts'
import { createEvents } from './events.ts'
import { createTabulator, type Tabulator } from './kafka/tabulator.ts'
import { Tables } from './parquet/tables.ts'

const NAME = 'analytics'
const config = readConfig()
const log = createLog({ name: NAME, level: config.LOG_LEVEL })

await runService({ ...config.times, log }, async ({ resources, shutdown, draining }) => {
  const metrics = createMetrics({ service: NAME, version: config.BOURSE_VERSION })
  const events = createEvents(log, metrics)
  const tables = resources.own(new Tables(openStore(config.TABLES_URL)), (each) => each.close())
  let running: Tabulator | undefined = undefined
  const checks = {
    joined: () => {
      if (running === undefined) throw new Error('not a member of its group yet')
      if (running.stopped.length > 0) throw new Error(`stopped: ${running.stopped.join(', ')}`)
    },
  }
  const app = createOpsApp({ checks, metrics, draining })
  const ops = resources.own(await listen(app, config.ops), (each) => each.close(1_000))
  const kafka = kafkaConnection(config, { clientId: config.INSTANCE, log })
  await untilPrepared({ kafka, log, signal: shutdown.signal })
  const admin = resources.own(await connectAdmin(kafka), (each) => each.close())

  const topics = { 'risk.out': TOPICS.riskOut, 'orders.out': TOPICS.ordersOut }
  const tabulator = createTabulator({
    ...{ topics, tables, events, fileAgeMsMax: config.FILE_AGE_MS },
    watermarks: admin.watermarks.bind(admin),
    recordAt: (at) => readRecord(kafka, at),
  })
  const onFatal = (error: Error) => shutdown.abort(error)
  const rebalances = {
    onAssign: tabulator.assign.bind(tabulator),
    onRevoke: tabulator.revoke.bind(tabulator),
  }
  const membership = { groupId: NAME, topics: Object.values(topics), maxPollIntervalMs: POLL_INTERVAL_MS_MAX }
  const group = await joinConsumerGroup({ ...kafka, ...GATHERING, ...rebalances, ...membership, onFatal })
  resources.own(group, (each) => each.close())
  running = tabulator
  void resources.own(tabulator.run(group, shutdown.signal).catch(onFatal), (ended) => ended)

  log.info({ opsPort: ops.port, tables: tables.place }, 'started')
})
