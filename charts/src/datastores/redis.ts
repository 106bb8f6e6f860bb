import type { Construct } from 'constructs'
import { Datastore, tcp } from '../constructs/datastore.ts'
import type { Resources } from '../values/schema.ts'

const PORT = 6379
const PASSWORD = { secret: 'bourse-redis', key: 'password' }

export type RedisProps = { readonly image: string; readonly resources: Resources }

/** Keeps nothing on disk: what it holds is rebuilt from the log. */
export const redis = (scope: Construct, { image, resources }: RedisProps) =>
  new Datastore(scope, 'redis', {
    name: 'redis',
    ...{ image, resources },
    user: 999,
    args: [
      ...['redis-server', '--requirepass', '$(REDISCLI_AUTH)', '--save', '', '--appendonly', 'no'],
      ...['--maxmemory', '128mb', '--maxmemory-policy', 'noeviction'],
    ],
    ports: [['redis', PORT]],
    data: { path: '/data', storage: null },
    secrets: { REDISCLI_AUTH: PASSWORD },
    readiness: { exec: { command: ['redis-cli', 'ping'] } },
    liveness: tcp(PORT),
    beside: 'kafka',
  })
