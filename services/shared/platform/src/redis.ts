import { createClient } from 'redis'

import type { Logger } from './log.ts'
import { passwordFile } from './password-file.ts'

export type RedisOptions = {
  readonly url: string
  /** Read for every connection; given, the URL's password does not count. */
  readonly passwordFile?: string | undefined
  readonly log: Logger
  /** Shown in `CLIENT LIST`. */
  readonly clientName?: string
}

const CONNECT_TIMEOUT_MS = 5_000
const RECONNECT_DELAY_MS_MAX = 2_000
/** Commands given while there is no connection; more are refused. */
const QUEUE_LENGTH_MAX = 10_000

/** 50 ms, 100 ms, 200 ms … 2 s, for as long as it takes. */
export const reconnectDelayMs = (retries: number): number =>
  Math.min(50 * 2 ** Math.min(retries, 10), RECONNECT_DELAY_MS_MAX)

/**
 * Connects, or fails when the first attempt does: a wrong address should be seen at once. Later it reconnects for
 * ever, and logs each loss. Close it with `close()`.
 */
export async function connectRedis({ url, passwordFile: file, log, clientName }: RedisOptions) {
  let connected = false
  const client = createClient({
    ...(file === undefined ? { url } : signingIn(url, file)),
    ...(clientName !== undefined && { name: clientName }),
    commandsQueueMaxLength: QUEUE_LENGTH_MAX,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries, cause) => (connected ? reconnectDelayMs(retries) : cause),
    },
  })
  client.on('error', (err: unknown) => log.warn({ err }, 'redis trouble'))
  await client.connect()
  connected = true
  return client
}

/** What an URL says of who signs in comes before the provider: it is taken out. */
function signingIn(url: string, file: string) {
  const { username, ...address } = withoutUser(url)
  const password = passwordFile(file)
  const credentials = async () => ({ ...(username !== '' && { username }), password: password() })
  return { ...address, credentialsProvider: { type: 'async-credentials-provider', credentials } as const }
}

function withoutUser(url: string): { readonly url: string; readonly username: string } {
  const address = new URL(url)
  const username = decodeURIComponent(address.username)
  address.username = ''
  address.password = ''
  return { url: address.href, username }
}

export type Redis = Awaited<ReturnType<typeof connectRedis>>
