import { readFileSync } from 'node:fs'
import postgres, { type Sql } from 'postgres'

import { passwordFile } from './password-file.ts'

export type { Sql }

/** Where a database is, and how it is entered. */
export type DatabasePlace = {
  readonly url: string
  /** Authorities of the server's certificate; given, nobody else is spoken to. */
  readonly caFile?: string | undefined
  /** Read for every connection; given, the URL's password does not count. */
  readonly passwordFile?: string | undefined
}

export type PostgresOptions = DatabasePlace & {
  /** Connections at most. */
  readonly max: number
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** A statement that takes longer fails. */
  readonly statementTimeoutMs: number
  /** No connection is replaced because of its age: what is held, such as a lock, is the session's. @default false */
  readonly keepsSession?: boolean
}

const CONNECT_TIMEOUT_S = 10
const CLOSE_TIMEOUT_S = 5
const IDLE_TIMEOUT_S = 300
/** So that a connection moves on to another host after a failover. */
const LIFETIME_MAX_S = 1_800

/**
 * A pool that connects when it is first used. `bigint` comes as BigInt, never as a Number that has lost digits.
 * Close it with `closePostgres`.
 *
 * While a password has changed and its file has not, queries that need a new connection fail with SQLSTATE 28P01; those
 * that find an open one go on.
 *
 * @throws when a file of the place cannot be read
 */
export function connectPostgres({
  url,
  max,
  applicationName,
  statementTimeoutMs,
  keepsSession = false,
  ...place
}: PostgresOptions): Database {
  return postgres(url, {
    max,
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    max_lifetime: keepsSession ? null : LIFETIME_MAX_S,
    types: { bigint: postgres.BigInt },
    connection: { application_name: applicationName, statement_timeout: statementTimeoutMs },
    onnotice: () => {},
    ...accessTo(place),
  })
}

export type Database = Sql<{ bigint: bigint }>

/** Lets queries finish, for up to five seconds. */
export const closePostgres = (sql: Database): Promise<void> => sql.end({ timeout: CLOSE_TIMEOUT_S })

/**
 * What the client takes over the URL's word: the authorities by one of which a server must prove its name, and the
 * password. Authorities are read now, the password for every connection.
 */
export function accessTo({ caFile, passwordFile: file }: Omit<DatabasePlace, 'url'>): {
  ssl?: { ca: string }
  password?: () => string
} {
  return {
    ...(caFile !== undefined && { ssl: { ca: readFileSync(caFile, 'utf8') } }),
    ...(file !== undefined && { password: passwordFile(file) }),
  }
}
