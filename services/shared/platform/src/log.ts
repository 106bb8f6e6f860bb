import { pino, type Logger } from 'pino'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** What never appears in a log, wherever it was put: one level deep, or under `headers`. */
const SECRETS = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'apiKey',
]

/**
 * JSON lines on stdout; `level` is one of `LOG_LEVELS`: level by name, errors under `err`, secrets as `[redacted]`. A line
 * is written when the call returns: pino's default would lose the last one of a process that ends by SIGKILL.
 */
export function createLog(
  { name, level }: { name: string; level: string },
  stream: pino.DestinationStream = pino.destination({ sync: true }),
): Logger {
  const options: pino.LoggerOptions = {
    name,
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRETS.flatMap((secret) => [secret, `*.${secret}`, `*.headers.${secret}`]),
      censor: '[redacted]',
    },
  }
  return pino(options, stream)
}
