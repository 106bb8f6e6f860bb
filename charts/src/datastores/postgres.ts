import type { Construct } from 'constructs'
import { Datastore, tcp } from '../constructs/datastore.ts'
import type { Resources } from '../values/schema.ts'

const PORT = 5432
const DATA = '/var/lib/postgresql/data'

export type PostgresProps = {
  readonly image: string
  readonly resources: Resources
  readonly storage: string
  readonly connectionsMax: number
}

export const postgres = (scope: Construct, { image, resources, storage, connectionsMax }: PostgresProps) =>
  new Datastore(scope, 'postgres', {
    name: 'postgres',
    ...{ image, resources },
    user: 999,
    args: ['-c', `max_connections=${connectionsMax}`, '-c', 'shared_buffers=64MB'],
    ports: [['postgres', PORT]],
    data: { path: DATA, storage },
    scratch: ['/var/run/postgresql'],
    env: { POSTGRES_USER: 'bourse', POSTGRES_DB: 'bourse', PGDATA: `${DATA}/pgdata` },
    secrets: { POSTGRES_PASSWORD: { secret: 'bourse-database', key: 'password' } },
    // By address: while it initializes, only the socket answers.
    readiness: { exec: { command: ['pg_isready', '-h', '127.0.0.1', '-U', 'bourse', '-d', 'bourse'] } },
    liveness: tcp(PORT),
    beside: 'kafka',
  })
