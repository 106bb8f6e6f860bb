import { mkdir } from 'node:fs/promises'
import { MarketSeeder, SeedFailure } from '@bourse/operator/market-seeder'
import type { TokenSubject } from '@bourse/operator/tokens'
import type { LocalConfig } from './config.ts'
import { StepFailure } from './failure.ts'
import type { ManagedProcess } from './managed-process.ts'
import { step, type ProgressEvent, type Report } from './progress.ts'
import { claimHome, forgetRunState, identify, writeRunState, type RunState } from './run-state.ts'
import { oneOfEach } from './services.ts'
import { issueToken, signingKeyFile } from './keys.ts'
import { startStack, type Stack } from './stack.ts'

/** `accounts` are those of the demo, by owner; none when no gateway runs. */
export type SupervisorMessage =
  ProgressEvent | { readonly type: 'up'; readonly accounts: Readonly<Record<string, string>> }

/**
 * Starts the exchange and keeps it up until SIGTERM. `tell` carries progress to the command that waits for it; when
 * that command goes away before everything is up, everything is stopped again.
 */
export async function supervise(
  config: LocalConfig,
  tell: (message: SupervisorMessage) => void,
): Promise<void> {
  const home = config.BOURSE_HOME
  const state: RunState = { supervisor: identify(process.pid), phase: 'starting', parts: [], environment: {} }
  await mkdir(home, { recursive: true, mode: 0o755 })
  if (!claimHome(home, state)) throw new StepFailure(`another supervisor runs the exchange in ${home}`)

  const ending = new AbortController()
  const save = (changes: Partial<RunState>) => writeRunState(home, Object.assign(state, changes))
  const end = () => {
    save({ phase: 'stopping' })
    ending.abort(new Error('asked to stop'))
  }
  process.once('SIGTERM', end).once('SIGINT', end).once('disconnect', end)
  if (process.connected === false) end() // It went away before this process listened.
  try {
    const stack = await startStack({
      ...stackOptions(config),
      report: tell,
      signal: ending.signal,
      onChange: (processes) => save({ parts: processes.map(describe) }),
    })
    try {
      const accounts = await seedMarket(stack, config, tell)
      process.off('disconnect', end)
      save({ phase: 'up', environment: environmentOf(stack) })
      tell({ type: 'up', accounts })
      await untilAborted(ending.signal)
    } finally {
      await stack.stop()
    }
  } finally {
    forgetRunState(home)
  }
}

function stackOptions(config: LocalConfig): Parameters<typeof startStack>[0] {
  return {
    home: config.BOURSE_HOME,
    ports: config,
    riskPartitions: config.RISK_PARTITIONS,
    matchingPartitions: config.MATCHING_PARTITIONS,
    replicas: oneOfEach(config.SERVICES),
    build: true,
    external: {
      kafkaBrokers: config.KAFKA_BROKERS,
      databaseUrl: config.DATABASE_URL,
      databaseReadUrl: config.DATABASE_READ_URL,
      redisUrl: config.REDIS_URL,
    },
  }
}

async function seedMarket(
  stack: Stack,
  config: LocalConfig,
  report: Report,
): Promise<Record<string, string>> {
  if (!config.SERVICES.includes('gateway')) return {}
  const tokenFor = (subject: TokenSubject) => issueToken(stack.home, subject)
  const seeder = new MarketSeeder({ url: stack.gatewayUrl, tokenFor })
  await step(report, 'market', () => seeder.listMarket(config.MATCHING_PARTITIONS).catch(advise))
  return step(report, 'demo accounts', () => seeder.fundAccounts().catch(advise))
}

function advise(cause: unknown): never {
  if (!(cause instanceof SeedFailure)) throw cause
  throw new StepFailure(cause.message, {
    cause,
    advice: 'The logs of the services tell more: they are in the folder log of the data.',
  })
}

/** What other tools need to reach a running exchange. */
function environmentOf({ home, urls, gatewayUrl }: Stack): Record<string, string> {
  return {
    KAFKA_BROKERS: urls.kafkaBrokers,
    DATABASE_URL: urls.databaseUrl,
    DATABASE_READ_URL: urls.databaseReadUrl,
    REDIS_URL: urls.redisUrl,
    BOURSE_URL: gatewayUrl,
    BOURSE_SIGNING_KEY: signingKeyFile(home),
  }
}

function describe({ spec, pid, restarts }: ManagedProcess): RunState['parts'][number] {
  return { name: spec.name, port: spec.port, restarts, ...(pid !== undefined && { process: identify(pid) }) }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    // The timer keeps the process alive while nothing else does.
    const alive = setInterval(() => {}, 3_600_000)
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
}
