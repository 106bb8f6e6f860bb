import type { Construct } from 'constructs'
import { DATABASE_URL } from '../constructs/secret-reference.ts'
import { LogService, type LogServiceProps } from './log-service.ts'

/** Facts and trades into PostgreSQL. */
export const settlement = (
  scope: Construct,
  props: Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'>,
) =>
  new LogService(scope, 'settlement', {
    ...props,
    service: 'settlement',
    component: 'consumer',
    secrets: { DATABASE_URL },
    startupSeconds: 60,
    priorityClassName: 'bourse-serving',
    lag: { topics: ['risk.out', 'orders.out'], uncommitted: 'earliest' },
  })
