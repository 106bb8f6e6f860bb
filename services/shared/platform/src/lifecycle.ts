import { once } from 'node:events'

import type { Logger } from './log.ts'
import { Resources } from './resources.ts'

export type ServiceScope = {
  /** Closed in reverse when the service ends, however it ends. */
  readonly resources: Resources
  /** `abort(error)` ends the service with exit code 1; `signal` is aborted by SIGTERM and SIGINT too. */
  readonly shutdown: AbortController
  /** Aborted at the first signal: not ready any more, though still serving for `drainDelayMs`. */
  readonly draining: AbortSignal
}

export type ServiceOptions = {
  /** Time for closing, in ms; less than the pod's `terminationGracePeriodSeconds`. Then the process just ends. */
  readonly graceMs: number
  /** Between the signal and closing: time in which whoever sends work hears of it. @default 0 */
  readonly drainDelayMs?: number
  readonly log: Logger
}

/**
 * Runs a service: `start` opens everything, then this waits for SIGTERM, SIGINT or `shutdown.abort(error)`, closes
 * everything and ends the process. A second signal ends the delay. Exit code 0 after a signal; 1 after an error, which is logged, whether it came
 * from starting or running. What does not close within `graceMs`, or fails to close, ends by SIGKILL.
 */
export async function runService(
  { graceMs, drainDelayMs = 0, log }: ServiceOptions,
  start: (scope: ServiceScope) => Promise<void>,
): Promise<never> {
  const shutdown = new AbortController()
  const draining = new AbortController()
  const resources = new Resources()
  const stop = (reason: unknown) => shutdown.abort(reason)
  const drain = (signal: NodeJS.Signals) => {
    if (draining.signal.aborted || drainDelayMs === 0) return stop(signal)
    draining.abort(signal)
    log.info({ signal, drainDelayMs }, 'draining')
    setTimeout(stop, drainDelayMs, signal)
  }
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, drain)
  shutdown.signal.addEventListener('abort', () => draining.abort())
  process.on('uncaughtException', stop)
  process.on('unhandledRejection', stop)

  try {
    await Promise.race([start({ resources, shutdown, draining: draining.signal }), aborted(shutdown.signal)])
    await aborted(shutdown.signal)
  } catch (error) {
    // What is still starting or working stops too. What was aborted has its reason already.
    shutdown.abort(error)
  }
  const { reason } = shutdown.signal
  let failure: unknown
  if (typeof reason === 'string') log.info({ signal: reason }, 'stopping')
  else {
    failure = reason
    log.fatal({ err: failure }, 'failed')
  }

  const grace = setTimeout(() => {
    log.fatal({ graceMs }, 'closing took too long')
    endAtOnce()
  }, graceMs)
  try {
    await resources.closeAll()
  } catch (error) {
    failure ??= error
    log.error({ err: error }, 'failed to close')
    endAtOnce()
  }
  clearTimeout(grace)
  log.flush()
  process.exit(failure === undefined ? 0 : 1)
}

/** What did not close may hold a native thread, and `process.exit` would wait for that thread for ever. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL')
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
