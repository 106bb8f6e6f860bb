import { readFileSync } from 'node:fs'
import postgres, { type Sql } from 'postgres'

export type { Sql }

export type PostgresOptions = {
  readonly url: string
  /** Authorities of the server's certificate; given, nobody else is spoken to. */
  readonly caFile?: string | undefined
  /** Connections at most. */
  readonly max: number
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** A statement that takes longer fails. */
  readonly statementTimeoutMs: number
}

const CONNECT_TIMEOUT_S = 10
const CLOSE_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 300
/** So that a connection moves on to another host after a failover. */
const LIFETIME_MAX_S = 1_800

/**
 * A pool that connects when it is first used. `bigint` comes as BigInt, never as a Number that has lost digits.
 * Close it with `closePostgres`.
 */
export function connectPostgres({
  url,
  caFile,
  max,
  applicationName,
  statementTimeoutMs,
}: PostgresOptions): Database {
  return postgres(url, {
    max,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    max_lifetime: LIFETIME_MAX_S,
    types: { bigint: postgres.BigInt },
    connection: { application_name: applicationName, statement_timeout: statementTimeoutMs },
    onnotice: () => {},
    ...verifiedTls(caFile),
  })
}

export type Database = Sql<{ bigint: bigint }>

/** Lets queries finish, for up to five seconds. */
export const closePostgres = (sql: Database): Promise<void> => sql.end({ timeout: CLOSE_TIMEOUT_S })

/** TLS as the client takes it: a server must prove its name by one of these authorities. Without any: as the URL says. */
export function verifiedTls(caFile: string | undefined): { ssl?: { ca: string } } {
  return caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, 'utf8') } }
}
