import { openArchive } from '@bourse/input-archive/open-archive'
import { createOpsApp } from '@bourse/platform/health'
import { listen } from '@bourse/platform/listen'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { connectCommittedOffsets } from '@bourse/platform/kafka/committed'
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
import { createArchiver, type Archiver } from './kafka/archiver.ts'

const NAME = 'archive'
const config = readConfig()
const log = createLog({ name: NAME, level: config.LOG_LEVEL })

await runService({ ...config.times, log }, async ({ resources, shutdown, draining }) => {
  const metrics = createMetrics({ service: NAME, version: config.BOURSE_VERSION })
  const events = createEvents(log, metrics)
  const archive = resources.own(openArchive(config.ARCHIVE_URL), (each) => each.close())
  let running: Archiver | undefined = undefined
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
  const offsets = await connectCommittedOffsets({ ...kafka, groupId: NAME })
  resources.own(offsets, (each) => each.close())

  const topics = { 'risk.in': TOPICS.riskIn, 'orders.in': TOPICS.ordersIn }
  const archiver = createArchiver({
    ...{ topics, archive, events, fileAgeMsMax: config.FILE_AGE_MS },
    watermarks: admin.watermarks.bind(admin),
    committed: offsets.of.bind(offsets),
    recordAt: (at) => readRecord(kafka, at),
  })
  const onFatal = (error: Error) => shutdown.abort(error)
  const rebalances = { onAssign: archiver.assign.bind(archiver), onRevoke: archiver.revoke.bind(archiver) }
  const membership = { groupId: NAME, topics: Object.values(topics), maxPollIntervalMs: POLL_INTERVAL_MS_MAX }
  const group = await joinConsumerGroup({ ...kafka, ...GATHERING, ...rebalances, ...membership, onFatal })
  resources.own(group, (each) => each.close())
  running = archiver
  void resources.own(archiver.run(group, shutdown.signal).catch(onFatal), (ended) => ended)

  log.info({ opsPort: ops.port, archive: archive.place }, 'started')
})
