import type { Logger } from '@bourse/platform/log'
import { LATENCY_BUCKETS } from '@bourse/platform/metrics'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { OrderEntry, OrderEntryEvents } from './kafka/order-entry.ts'

export type Answered = {
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
}

/** What happens in a gateway: each is counted, and logged where a person may want to look. */
export type GatewayEvents = OrderEntryEvents & {
  readonly answered: (answer: Answered) => void
  readonly rateLimited: () => void
}

export function createEvents(log: Logger, registry: Registry): GatewayEvents {
  const registers = [registry]
  const requests = new Histogram({
    ...{ name: 'bourse_gateway_request_seconds', help: 'time from a request to its answer', registers },
    ...{ labelNames: ['route', 'method', 'status'], buckets: LATENCY_BUCKETS },
  })
  const shed = new Counter({
    ...{ name: 'bourse_gateway_shed_total', help: 'commands refused as overloaded', registers },
    labelNames: ['reason'],
  })
  const unknown = new Counter({
    ...{
      name: 'bourse_gateway_outcome_unknown_total',
      help: 'commands without an answer in time',
      registers,
    },
  })
  const late = new Counter({
    ...{
      name: 'bourse_gateway_late_replies_total',
      help: 'answers that nobody waited for any more',
      registers,
    },
  })
  const limited = new Counter({
    ...{ name: 'bourse_gateway_rate_limited_total', help: 'requests over an owner’s rate', registers },
  })
  const entries = new Histogram({
    ...{ name: 'bourse_gateway_frame_entries', help: 'commands that shared a frame', registers },
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  })
  return {
    answered: ({ route, method, status, seconds }) =>
      requests.labels(route, method, String(status)).observe(seconds),
    rateLimited: () => limited.inc(),
    shed: (reason) => shed.labels(reason).inc(),
    unanswered: (count) => unknown.inc(count),
    lateReply: () => late.inc(),
    framed: (count) => entries.observe(count),
    undelivered: (err, failure, count) => {
      if (failure === 'outcome_unknown') unknown.inc(count)
      else shed.labels('not_taken').inc(count)
      log.warn({ err, failure, commands: count }, 'commands not delivered')
    },
  }
}

/** Gauges of what is under way. */
export function watchOrderEntry(entry: OrderEntry, shards: number, registry: Registry): void {
  new Gauge({
    ...{ name: 'bourse_gateway_in_flight', help: 'commands without an answer', registers: [registry] },
    collect() {
      this.set(entry.inFlight)
    },
  })
  new Gauge({
    ...{ name: 'bourse_gateway_reply_lag_seconds', help: 'how far answers lag', registers: [registry] },
    labelNames: ['shard'],
    collect() {
      for (let shard = 0; shard < shards; shard++) this.set({ shard }, entry.replyLag(shard) / 1_000)
    },
  })
}
