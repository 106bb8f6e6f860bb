import type { Construct } from 'constructs'
import { DATABASE_URL, REDIS_URL } from '../constructs/secret-reference.ts'
import { LogService, type LogServiceProps } from './log-service.ts'

/** Books and last trades into Redis. */
export const marketData = (
  scope: Construct,
  props: Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'>,
) =>
  new LogService(scope, 'market-data', {
    ...props,
    service: 'market-data',
    component: 'consumer',
    secrets: { DATABASE_URL, REDIS_URL },
    startupSeconds: 60,
    priorityClassName: 'bourse-serving',
    lag: { topics: ['orders.out'], uncommitted: 'earliest' },
  })
