import { createOpsApp } from '@bourse/platform/health'
import { listen } from '@bourse/platform/http'
import { runService } from '@bourse/platform/lifecycle'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { connectRedis } from '@bourse/platform/redis'
import { readConfig } from './config.ts'
import { createEvents, watchOrderEntry } from './events.ts'
import { createGatewayApp } from './http/gateway-app.ts'
import { tokenKeys } from './http/token-keys.ts'
import { createTokenVerifier } from './http/token-verifier.ts'
import { connectOrderEntry } from './kafka/connect-order-entry.ts'
import { openBooks } from './postgres/books.ts'
import { openLookups } from './postgres/lookups.ts'
import { openMarketCache } from './redis/market-cache.ts'

const config = readConfig()
const log = createLog({ name: 'gateway', level: config.log.level })

await runService({ graceMs: config.shutdownGraceMs, log }, async ({ resources, shutdown }) => {
  const metrics = createMetrics({ service: 'gateway' })
  const events = createEvents(log, metrics)
  const keys = await tokenKeys(config.keys)
  const sql = resources.own(connectPostgres(config.postgres), closePostgres)
  const market = resources.own(
    openMarketCache(() => connectRedis({ ...config.redis, log })),
    (cache) => cache.close(),
  )
  const connection = { ...config.kafka, log }
  const entry = await connectOrderEntry({ ...config.orderEntry, connection, events, resources, shutdown })
  watchOrderEntry(entry, config.shards.riskShards, metrics)

  const books = openBooks(sql, config.books)
  const { submit } = entry
  const now = Date.now
  const app = createGatewayApp({
    ...config.shards,
    ...openLookups({ submit, books, riskShards: config.shards.riskShards, now }),
    verifyToken: createTokenVerifier({ keys, ...config.tokens, now }),
    rate: config.rate,
    ...{ log, market, submit, books, events, now },
  })
  const server = await listen(app, { port: config.publicPort })
  resources.own(server, (each) => each.close(config.drainMs))
  const checks = {
    order_entry: () => {
      if (!entry.ready) throw new Error('a risk shard has not answered yet')
    },
  }
  const ops = await listen(createOpsApp({ checks, metrics }), { port: config.opsPort })
  resources.own(ops, (each) => each.close(1_000))
  log.info({ port: server.port, opsPort: ops.port }, 'started')
})
