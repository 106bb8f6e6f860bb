import { databasePlace } from '@bourse/platform/config'
import { createOpsApp } from '@bourse/platform/health'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { runService } from '@bourse/platform/lifecycle'
import { listen } from '@bourse/platform/listen'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { untilPrepared } from '@bourse/platform/prepared'
import { readServiceConfig } from './config.ts'
import { Events } from './events.ts'
import { startSettlement, type Settlement } from './kafka/settlement.ts'
import { measureLag } from './lag.ts'
import { closeLedger, connectLedger, PostgresLedger } from './postgres/ledger.ts'
import { publishReconciliation } from './postgres/reconciliation.ts'

const OPS_DRAIN_MS = 1_000

const config = readServiceConfig()
const log = createLog({ name: 'settlement', level: config.LOG_LEVEL })

const times = { graceMs: config.SHUTDOWN_GRACE_MS, drainDelayMs: config.DRAIN_DELAY_MS }

await runService({ ...times, log }, async ({ resources, shutdown, draining }) => {
  const metrics = createMetrics({ service: 'settlement', version: config.BOURSE_VERSION })
  let running: Settlement | undefined = undefined
  const checks = {
    joined: () => {
      if (running === undefined) throw new Error('not a member of its group yet')
      if (running.stopped.length > 0) throw new Error(`stopped: ${running.stopped.join(', ')}`)
    },
  }
  const app = createOpsApp({ checks, metrics, draining })
  const ops = await listen(app, { port: config.PORT, host: config.HOST })
  resources.own(ops, (server) => server.close(OPS_DRAIN_MS))

  const connection = kafkaConnection(config, { clientId: config.INSTANCE, log })
  const database = databasePlace(config)
  await untilPrepared({ kafka: connection, database, log, signal: shutdown.signal })
  const { DATABASE_CONNECTIONS: max, STATEMENT_TIMEOUT_MS: statementTimeoutMs } = config
  const client = connectLedger({ ...database, max, statementTimeoutMs })
  const ledger = new PostgresLedger(resources.own(client, closeLedger))
  const admin = resources.own(await connectAdmin(connection), (each) => each.close())
  const settlement = await startSettlement({
    connection,
    groupId: config.GROUP_ID,
    topics: { 'risk.out': config.RISK_OUT_TOPIC, 'orders.out': config.ORDERS_OUT_TOPIC },
    admin,
    ledger,
    events: new Events({ log, metrics }),
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    commitIntervalMs: config.COMMIT_INTERVAL_MS,
    shutdown,
  })
  resources.own(settlement, (each) => each.close())
  running = settlement
  measureLag(metrics, settlement)
  publishReconciliation(client, metrics)
  log.info({ port: config.PORT }, 'started')
})
