import type { Construct } from 'constructs'
import { DATABASE_URL } from '../constructs/secret-reference.ts'
import { LogService, type LogServiceProps } from './log-service.ts'

type EngineProps = Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'> & {
  /** They follow an exchange in another region: the inputs are the cut's, and their groups others than a serving one's. */
  readonly inStandbyRegion: boolean
}

/** A replay may take a while, but the process answers before it begins. */
const STARTUP_SECONDS = 120

const engine = (
  scope: Construct,
  service: string,
  topic: string,
  { inStandbyRegion, ...props }: EngineProps & Pick<LogServiceProps, 'wave'>,
) =>
  new LogService(scope, service, {
    ...props,
    service,
    component: 'engine',
    config: inStandbyRegion ? { STANDBY_REGION: 'true' } : {},
    secrets: { DATABASE_URL },
    startupSeconds: STARTUP_SECONDS,
    priorityClassName: 'bourse-core',
    // An owner commits within milliseconds of its first entry; until then a whole log is no reason for more replicas.
    lag: {
      topics: [topic],
      uncommitted: 'latest',
      group: inStandbyRegion ? `${service}-standby-region` : service,
    },
  })

export const riskEngine = (scope: Construct, props: EngineProps) =>
  engine(scope, 'risk-engine', 'risk.in', props)

export const matchingEngine = (scope: Construct, props: EngineProps) =>
  engine(scope, 'matching-engine', 'orders.in', { ...props, wave: 'matching' })
