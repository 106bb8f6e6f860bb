import { setTimeout as sleep } from 'node:timers/promises'
import { ExchangeClient, type Answer } from '@bourse/load-tests/exchange-client'
import { Pool } from 'undici'
import { z } from 'zod'
import { longestWait, type Wait } from './gap.ts'

/** A client whose commands pass one risk shard and one matching shard. */
export type Probe = { readonly token: string; readonly symbol: string }

/**
 * Without an answer by then the same command is asked again on a new connection, while the old one stays: a handover loses
 * answers, and a busy machine only makes them late. The first answer counts.
 */
const ASK_AGAIN_MS = 500
const CONNECTIONS_MAX = 60
const PAUSE_MS = 100

/** Never traded and never resting: far below the market, and closed by matching at once. */
export const PASSING_ORDER = {
  side: 'buy',
  type: 'limit',
  time_in_force: 'ioc',
  price: '150.00',
  quantity: '0.1',
}

/**
 * Clients that send one order after the other, each on a connection of its own, and ask again with the same id until
 * matching has answered. What such a client waits for is the gap that a handover or a crash makes.
 */
export class GapWatch {
  readonly #url: string
  readonly #waits: Wait[][] = []
  readonly #attempts: { readonly at: number; readonly probe: number; readonly told: string }[] = []
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>[]
  #endedAt = Infinity

  constructor(url: string, probes: readonly Probe[]) {
    this.#url = url
    this.#running = probes.map((probe, index) => this.#probe(probe, index))
  }

  /** The longest time that one of the clients waited, of those that ended between the two times. */
  longestMs(from: number, until = Infinity): number {
    const to = Math.min(until, this.#endedAt, performance.now())
    return Math.max(...this.#waits.map((waits) => longestWait(waits, from, to)))
  }

  /** What the clients were told from then on, other than that an order was accepted, and when they waited. */
  troubles(from: number): readonly string[] {
    const told = this.#attempts.map(({ at, probe, told }) => ({ at, text: `client ${probe}: ${told}` }))
    const waits = this.#waits.flatMap((each, probe) =>
      each
        .map(({ since, until = performance.now() }) => ({ at: until, waitedMs: until - since }))
        .filter(({ waitedMs }) => waitedMs > ASK_AGAIN_MS)
        .map(({ at, waitedMs }) => ({ at, text: `client ${probe} had waited ${Math.round(waitedMs)} ms` })),
    )
    return [...told, ...waits]
      .filter(({ at }) => at > from)
      .sort((one, other) => one.at - other.at)
      .map(({ at, text }) => `${Math.round(at - from)} ms, ${text}`)
  }

  async stop(): Promise<void> {
    this.#endedAt = performance.now()
    this.#stopping.abort()
    await Promise.all(this.#running)
  }

  async #probe({ token, symbol }: Probe, index: number): Promise<void> {
    const waits: Wait[] = []
    this.#waits.push(waits)
    let since: number | undefined
    for (let number = 0; !this.#stopping.signal.aborted; number++) {
      // A refusal, such as of an order that came too late, is an answer but no service: the wait goes on.
      if (since === undefined) waits.push({ since: (since = performance.now()), until: undefined })
      const id = `probe-${index}-${number}`
      const told = (code: string): unknown =>
        this.#attempts.push({ at: performance.now(), probe: index, told: `${code} ${id}` })
      const answer = await this.#ask(token, { ...PASSING_ORDER, symbol, client_order_id: id }, told)
      if (answer !== undefined && hasMatched(answer)) {
        waits.splice(-1, 1, { since, until: performance.now() })
        since = undefined
      }
      await sleep(PAUSE_MS)
    }
  }

  /** What a command came to; undefined where this was stopped before anybody knew. */
  async #ask(
    token: string,
    body: Readonly<Record<string, string>>,
    told: (code: string) => unknown,
  ): Promise<Answer | undefined> {
    const connections: Pool[] = []
    let definite: Answer | undefined
    let onDefinite = (): void => {}
    const answered = new Promise<void>((resolve) => (onDefinite = resolve))
    const attempt = async (): Promise<void> => {
      const connection = new Pool(this.#url, { connections: 1 })
      connections.push(connection)
      const answer = await new ExchangeClient(connection, token).order(body, { wantResult: true })
      if (isDefinite(answer)) {
        definite ??= answer
        onDefinite()
      } else if (definite === undefined) told(answer.code)
    }
    while (definite === undefined && !this.#stopping.signal.aborted) {
      const open = connections.length < CONNECTIONS_MAX ? [attempt()] : []
      await Promise.race([answered, sleep(ASK_AGAIN_MS), ...open])
      if (definite === undefined) await Promise.race([answered, sleep(PAUSE_MS)])
    }
    await Promise.all(connections.map((connection) => connection.destroy()))
    return definite
  }
}

const closed = z.looseObject({ status: z.literal('closed') })

/** Asked again, an order that risk has accepted and matching has not seen is answered too: it is still open. */
const hasMatched = ({ code, body }: Answer): boolean => code === 'accepted' && closed.safeParse(body).success

const isDefinite = (answer: Answer): boolean =>
  hasMatched(answer) ||
  !(answer.status === 0 || answer.status === 429 || answer.status >= 500 || answer.code === 'accepted')
