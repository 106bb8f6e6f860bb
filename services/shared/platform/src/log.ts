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

/** JSON lines on stdout; `level` is one of `LOG_LEVELS`: level by name, errors under `err`, secrets as `[redacted]`. */
export function createLog(
  { name, level }: { name: string; level: string },
  stream?: pino.DestinationStream,
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
  return stream === undefined ? pino(options) : pino(options, stream)
}
