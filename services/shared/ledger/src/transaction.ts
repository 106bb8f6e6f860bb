import type { Sql, TransactionSql } from 'postgres'

/** What the client says when a connection has gone. */
const CONNECTION_CODES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
])

/**
 * One transaction, as `client.begin`, which is rejected when the connection is lost.
 *
 * The client answers every failure within a transaction with a ROLLBACK. Written to a connection that has gone, it ends
 * the process, as nobody can catch it (https://github.com/porsager/postgres/issues/1208). So `work` never settles
 * then, and what rejects is `begin` itself, on the connection's end.
 */
export const inTransaction = (
  client: Sql,
  work: (transaction: TransactionSql) => Promise<void>,
): Promise<void> =>
  client.begin((transaction) =>
    work(transaction).catch((error: unknown) => {
      if (!endsConnection(error)) throw error
      return new Promise<never>(() => {})
    }),
  ) as Promise<void>

/** PostgreSQL closes the connection after an error of these severities. */
function endsConnection(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  const severity = 'severity' in error ? error.severity : undefined
  return CONNECTION_CODES.has(error.code) || severity === 'FATAL' || severity === 'PANIC'
}
