import type { Construct } from 'constructs'
import { LogService, type LogServiceProps } from './log-service.ts'

/** What shards write, decoded, to tables in object storage. */
export const analytics = (
  scope: Construct,
  {
    url,
    ...props
  }: Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'> & { readonly url: string },
) =>
  new LogService(scope, 'analytics', {
    ...props,
    service: 'analytics',
    component: 'consumer',
    config: { TABLES_URL: url },
    secrets: {},
    startupSeconds: 60,
    priorityClassName: 'bourse-serving',
    lag: { topics: ['risk.out', 'orders.out'], uncommitted: 'earliest' },
  })
