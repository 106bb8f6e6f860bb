/**
 * SQLSTATE classes that pass by themselves: connection, refused, rolled back by the server, out of resources, shut down
 * or cancelled by an operator, system error (https://www.postgresql.org/docs/15/errcodes-appendix.html). Who is refused
 * has the password from before a rotation, until its file has the new one.
 */
const TRANSIENT_CLASSES = new Set(['08', '28', '40', '53', '57', '58'])

/** A lock that could not be had in time; a server that has become a replica. */
const TRANSIENT_STATES = new Set(['55P03', '25006'])

/** What the client and the operating system say about a connection. */
const TRANSIENT_CODES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
])

/** Whether the same transaction may succeed later: PostgreSQL is away, or busy, but said nothing against the rows. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  const { code } = error
  return (
    TRANSIENT_CODES.has(code) ||
    TRANSIENT_STATES.has(code) ||
    (code.length === 5 && TRANSIENT_CLASSES.has(code.slice(0, 2)))
  )
}
