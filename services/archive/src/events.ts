import { ArchiveError } from '@bourse/input-archive/archive-error'
import type { ArchivedInput } from '@bourse/input-archive/file-name'
import type { Logger } from '@bourse/platform/log'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ArchiverEvents } from './kafka/archiver.ts'

/** What operators see of the service: one function per event, which counts and, where somebody should read it, logs. */
export function createEvents(log: Logger, metrics: Registry): ArchiverEvents {
  const counter = (name: string, help: string) =>
    new Counter({
      ...{ name: `bourse_archive_${name}_total`, help, labelNames: ['topic'], registers: [metrics] },
    })
  const gauge = (name: string, help: string, ...more: string[]) => {
    const labelNames = ['topic', 'partition', ...more]
    return new Gauge({ name: `bourse_archive_${name}`, help, labelNames, registers: [metrics] })
  }
  const files = counter('files', 'Files written.')
  const records = counter('records', 'Records in the files written.')
  const bytes = counter('bytes', 'Bytes of the files written.')
  const found = counter('found_files', 'Files that another member of the group had written already.')
  const logTime = gauge('log_time_seconds', 'Log time of the last archived record, in seconds since 1970.')
  const lag = gauge('lag_records', 'Records that are in the log and in no file yet.')
  const stopped = gauge('stopped', 'Is 1 while an input stands still until a person acts.', 'reason')
  const reasons = new Map<string, string>()
  const keyOf = ({ topic, partition }: ArchivedInput) => `${topic}/${partition}`
  const labels = ({ topic, partition }: ArchivedInput) => ({ topic, partition })
  const archived = (input: ArchivedInput, logTimeMs: number) => logTime.set(labels(input), logTimeMs / 1_000)
  return {
    assigned: (input, offset) => log.info({ ...input, offset }, 'archiving input'),
    revoked: (input) => {
      for (const each of [logTime, lag]) each.remove(labels(input))
      const reason = reasons.get(keyOf(input))
      if (reason !== undefined) stopped.remove({ ...labels(input), reason })
      reasons.delete(keyOf(input))
      log.info(input, 'gave input up')
    },
    written: (input, written) => {
      const { topic, partition } = input
      archived(input, written.logTimeMs)
      log.debug({ topic, partition, ...written }, 'file written')
      if (written.by === 'another') return found.inc({ topic })
      files.inc({ topic })
      records.inc({ topic }, written.records)
      bytes.inc({ topic }, written.bytes)
    },
    archived,
    lagging: (input, count) => lag.set(labels(input), count),
    stopped: (input, err) => {
      const reason = err instanceof ArchiveError ? err.code : 'unknown'
      reasons.set(keyOf(input), reason)
      stopped.set({ ...labels(input), reason }, 1)
      log.error({ ...input, err }, 'input stands still; the others are archived')
    },
    commitFailed: (err) => log.warn({ err }, 'offsets not committed; tried again later'),
    lagUnknown: (err) => log.warn({ err }, 'lag is unknown'),
  }
}
