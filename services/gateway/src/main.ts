import { createOpsApp } from '@bourse/platform/health'
import { kafkaConnection } from '@bourse/platform/kafka/security'
import { runService } from '@bourse/platform/lifecycle'
import { listen } from '@bourse/platform/listen'
import { createLog } from '@bourse/platform/log'
import { createMetrics } from '@bourse/platform/metrics'
import { closePostgres, connectPostgres } from '@bourse/platform/postgres'
import { untilPrepared } from '@bourse/platform/prepared'
import { connectRedis } from '@bourse/platform/redis'
import { readConfig } from './config.ts'
import { createEvents, watchOrderEntry } from './events.ts'
import { createGatewayApp } from './http/gateway-app.ts'
import { tokenKeys } from './http/token-keys.ts'
import { createTokenVerifier } from './http/token-verifier.ts'
import { connectOrderEntry } from './kafka/connect-order-entry.ts'
import type { OrderEntry } from './kafka/order-entry.ts'
import { openBooks } from './postgres/books.ts'
import { openLookups } from './postgres/lookups.ts'
import { openMarketCache } from './redis/market-cache.ts'

const config = readConfig()
const log = createLog({ name: 'gateway', level: config.log.level })

await runService({ ...config.times, log }, async ({ resources, shutdown, draining }) => {
  const metrics = createMetrics({ service: 'gateway', version: config.version })
  const events = createEvents(log, metrics)
  let serving: OrderEntry | undefined = undefined
  const checks = {
    order_entry: () => {
      if (!serving?.ready) throw new Error('a risk shard has not answered yet')
    },
  }
  // Opened first, so that it is closed last.
  const app = createOpsApp({ checks, metrics, draining })
  const ops = resources.own(await listen(app, config.ops), (each) => each.close(1_000))

  const connection = kafkaConnection(config.kafka, { clientId: config.instance, log })
  await untilPrepared({ kafka: connection, database: config.postgres, log, signal: shutdown.signal })
  const keys = await tokenKeys(config.keys)
  const sql = resources.own(connectPostgres(config.postgres), closePostgres)
  const market = resources.own(
    openMarketCache(() => connectRedis({ ...config.redis, log })),
    (cache) => cache.close(),
  )
  const entry = await connectOrderEntry({ ...config.orderEntry, connection, events, resources, shutdown })
  watchOrderEntry(entry, config.shards.riskShards, metrics)
  const books = openBooks(sql, config.books)
  const { submit } = entry
  const { now } = Date
  const api = createGatewayApp({
    ...config.shards,
    ...openLookups({ submit, books, riskShards: config.shards.riskShards, now }),
    verifyToken: createTokenVerifier({ keys, ...config.tokens, now }),
    rate: config.rate,
    ...{ log, market, submit, books, events, now, draining },
  })
  const server = resources.own(await listen(api, config.api), (each) => each.close(config.drainMs))
  serving = entry
  log.info({ port: server.port, opsPort: ops.port }, 'started')
})
