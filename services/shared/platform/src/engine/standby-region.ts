import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../log.ts'
import type { Database } from '../postgres.ts'
import { untilDone } from '../until-done.ts'
import type { Sender } from './partition-runner.ts'

const OPENED_POLL_MS = 1_000

/** What engines write that no engine reads. */
const DERIVED: readonly string[] = ['risk.out', 'orders.out']

/**
 * The group of engines that stand by in another region. Its X says how far the derived outputs have come there, and
 * nothing of the inputs.
 */
export const standbyGroupOf = (groupId: string): string => `${groupId}-standby-region`

/**
 * The producer of an engine in a region that stands by: only derived outputs are written. What it would tell another
 * engine or a gateway counts as delivered: the lost region's engine has said it, and the cut brings it where it has come
 * far enough. Nobody but the cut may write an input there.
 */
export function derivedOutputsOnly(producer: Sender): Sender {
  return {
    send(topic, partition, value, onDelivered) {
      if (DERIVED.includes(topic)) producer.send(topic, partition, value, onDelivered)
      else queueMicrotask(() => onDelivered(undefined))
    },
  }
}

/** Whether `bourse cut --open` has begun the next epoch here, or is about to. */
export async function isOpened(sql: Database): Promise<boolean> {
  const [row] = await sql<{ opened: boolean }[]>`
    select exists (select 1 from cut_positions where opened) as opened`
  return row?.opened === true
}

/**
 * Waits where a cut is being made and has not been opened: an exchange's own engines would write into inputs that are
 * the cut's. Rejects only when aborted.
 */
export async function untilOpened({
  sql,
  log,
  signal,
}: {
  readonly sql: Database
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly signal: AbortSignal
}): Promise<void> {
  const isBeingCut = async (): Promise<boolean> => {
    const [row] = await sql<{ cut: boolean }[]>`
      select exists (select 1 from cut_positions) and not exists (select 1 from cut_positions where opened) as cut`
    return row?.cut === true
  }
  const onWait = (err: unknown): void => log.warn({ err }, 'waiting for PostgreSQL')
  for (let waits = 0; await untilDone(isBeingCut, { signal, onWait }); waits++) {
    if (waits === 0) log.info('waiting until the cut is opened: this region stands by')
    await sleep(OPENED_POLL_MS, undefined, { signal })
  }
}
