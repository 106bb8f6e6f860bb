import { createOpsApp } from '@bourse/platform/health'
import { listen } from '@bourse/platform/http'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { runService } from '@bourse/platform/lifecycle'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { readServiceConfig } from './config.ts'
import { Events } from './events.ts'
import { startSettlement } from './kafka/settlement.ts'
import { measureLag } from './lag.ts'
import { closeLedger, connectLedger, PostgresLedger } from './postgres/ledger.ts'

const OPS_DRAIN_MS = 1_000

const config = readServiceConfig()
const log = createLog({ name: 'settlement', level: config.LOG_LEVEL })

const times = { graceMs: config.SHUTDOWN_GRACE_MS, drainDelayMs: config.DRAIN_DELAY_MS }

await runService({ ...times, log }, async ({ resources, shutdown, draining }) => {
  const metrics = createMetrics({ service: 'settlement' })
  const connection = kafkaConnection(config, { clientId: config.INSTANCE, log })
  const client = connectLedger({
    url: config.DATABASE_URL,
    caFile: config.DATABASE_CA_FILE,
    max: config.DATABASE_CONNECTIONS,
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
  })
  const ledger = new PostgresLedger(resources.own(client, closeLedger))
  const checks = { postgres: () => ledger.ping() }
  const at = { port: config.PORT, host: config.HOST }
  resources.own(await listen(createOpsApp({ checks, metrics, draining }), at), (server) =>
    server.close(OPS_DRAIN_MS),
  )
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
  measureLag(metrics, settlement)
  log.info({ port: config.PORT }, 'started')
})
