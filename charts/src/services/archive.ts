import type { Construct } from 'constructs'
import { LogService, type LogServiceProps } from './log-service.ts'

/** The engines' inputs, to object storage. */
export const archive = (
  scope: Construct,
  {
    url,
    ...props
  }: Pick<LogServiceProps, 'surroundings' | 'values' | 'lagSource' | 'placement'> & { readonly url: string },
) =>
  new LogService(scope, 'archive', {
    ...props,
    service: 'archive',
    component: 'consumer',
    config: { ARCHIVE_URL: url },
    secrets: {},
    startupSeconds: 60,
    priorityClassName: 'bourse-serving',
    lag: { topics: ['risk.in', 'orders.in'], uncommitted: 'earliest' },
  })
