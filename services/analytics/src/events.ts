import type { Logger } from '@bourse/platform/log'
import { Counter, Gauge, type Registry } from 'prom-client'
import { outputKey, type Output } from './core/position.ts'
import { stopReason } from './core/tables-error.ts'
import type { TabulatorOptions } from './kafka/tabulator.ts'

/** What operators see of the service: one function per event, which counts and, where somebody should read it, logs. */
export function createEvents(log: Logger, metrics: Registry): TabulatorOptions['events'] {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `bourse_analytics_${name}_total`, help, labelNames, registers: [metrics] })
  const gauge = (name: string, help: string, ...more: string[]) => {
    const labelNames = ['topic', 'partition', ...more]
    return new Gauge({ name: `bourse_analytics_${name}`, help, labelNames, registers: [metrics] })
  }
  const entries = counter(
    'entries',
    'Entries read: the next one, a repeat that was dropped, one beyond a gap that was ignored, or a stale one.',
    ...['topic', 'verdict'],
  )
  const files = counter('files', 'Files written.', 'table')
  const rows = counter('rows', 'Rows in the files written.', 'table')
  const bytes = counter('bytes', 'Bytes of the files written.', 'table')
  const found = counter('found_files', 'Files that another member of the group had written already.')
  const logTime = gauge('log_time_seconds', 'Log time of the last row in the tables, in seconds since 1970.')
  const lag = gauge('lag_records', 'Records that are in the log and in no file yet.')
  const stopped = gauge('stopped', 'Is 1 while an output stands still until a person acts.', 'reason')
  const reasons = new Map<string, string>()
  const labels = ({ topic, partition }: Output) => ({ topic, partition })
  const tabled = (output: Output, logTimeMs: number) => logTime.set(labels(output), logTimeMs / 1_000)
  return {
    tabled,
    assigned: (output, offset) => log.info({ ...output, offset }, 'writing tables of output'),
    revoked: (output) => {
      for (const each of [logTime, lag]) each.remove(labels(output))
      const reason = reasons.get(outputKey(output))
      if (reason !== undefined) stopped.remove({ ...labels(output), reason })
      reasons.delete(outputKey(output))
      log.info(output, 'gave output up')
    },
    read: ({ topic, partition }, verdict, count) => {
      entries.inc({ topic, verdict }, count)
      if (verdict === 'gap') log.warn({ topic, partition, entries: count }, 'entries beyond a gap ignored')
    },
    written: (output, written) => {
      log.debug({ ...output, ...written }, 'file written')
      tabled(output, written.logTimeMs)
      if (written.by === 'another') found.inc()
      for (const [table, file] of Object.entries(written.files)) {
        files.inc({ table })
        rows.inc({ table }, table === 'trades' ? written.trades : written.rows)
        bytes.inc({ table }, file.bytes)
      }
    },
    lagging: (output, count) => lag.set(labels(output), count),
    stopped: (output, err) => {
      const reason = stopReason(err) ?? 'unknown'
      reasons.set(outputKey(output), reason)
      stopped.set({ ...labels(output), reason }, 1)
      log.error({ ...output, err, reason }, 'output stands still; the tables of the others go on')
    },
    commitFailed: (err) => log.warn({ err }, 'offsets not committed; tried again later'),
    lagUnknown: (err) => log.warn({ err }, 'lag is unknown'),
  }
}
