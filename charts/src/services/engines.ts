import type { Construct } from 'constructs'
import { DATABASE_URL } from '../constructs/secret-reference.ts'
import { LogService, type LogServiceProps } from './log-service.ts'

type EngineProps = Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'>

/** A replay may take a while, but the process answers before it begins. */
const STARTUP_SECONDS = 120

const engine = (scope: Construct, service: string, topic: string, props: EngineProps) =>
  new LogService(scope, service, {
    ...props,
    service,
    component: 'engine',
    secrets: { DATABASE_URL },
    startupSeconds: STARTUP_SECONDS,
    priorityClassName: 'bourse-core',
    // An owner commits within milliseconds of its first entry; until then a whole log is no reason for more replicas.
    lag: { topics: [topic], uncommitted: 'latest' },
  })

export const riskEngine = (scope: Construct, props: EngineProps) =>
  engine(scope, 'risk-engine', 'risk.in', props)

export const matchingEngine = (scope: Construct, props: EngineProps) =>
  engine(scope, 'matching-engine', 'orders.in', props)
