import type { Client } from 'node-rdkafka'
import type { KafkaConnection } from './client.ts'

/** A token is renewed when so much of its life is over. */
const RENEW_AFTER = 0.8
const RENEW_DELAY_MS_MIN = 1_000
/** Between attempts to get another token; the one in use goes on meanwhile. */
const RETRY_MS = 5_000

type Authorized = Pick<KafkaConnection, 'accessToken' | 'log' | 'clientId'>

/**
 * Gives a client its first token, and a new one before each ends: the client itself never asks, and goes on with an old
 * token for ever. Ends when the client is disconnected, or by what this returns.
 */
export async function keepAuthorized(
  client: Client<'disconnected'>,
  connection: Authorized,
): Promise<() => void> {
  const { accessToken, log, clientId } = connection
  if (accessToken === undefined) return () => {}
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const end = (): void => {
    ended = true
    clearTimeout(timer)
  }
  client.once('disconnected', end)

  const renew = async (): Promise<void> => {
    const { token, expiresAt } = await accessToken()
    if (ended) return
    client.setOauthBearerToken(token)
    again(Math.max(RENEW_DELAY_MS_MIN, (expiresAt - Date.now()) * RENEW_AFTER))
  }
  const again = (delayMs: number): void => {
    timer = setTimeout(() => void renew().catch(retry), delayMs).unref()
  }
  const retry = (err: unknown): void => {
    log?.error({ err, clientId }, 'no new access token for Kafka')
    if (!ended) again(RETRY_MS)
  }
  await renew()
  return end
}
