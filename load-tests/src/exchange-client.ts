import { Pool } from 'undici'
import { z } from 'zod'

const problem = z.looseObject({ code: z.string(), detail: z.string().optional() })
const accepted = z.looseObject({ order_id: z.string() })
const opened = z.looseObject({ account: z.string() })

/** How the exchange answered a command. `code` is `accepted`, a refusal's code, or `no_answer` where the connection broke. */
export type Answer = { readonly status: number; readonly code: string; readonly body: unknown }

/** One connection pool to a gateway, as one account or as an operator: the token says who. */
export class ExchangeClient {
  readonly #pool: Pool
  readonly #token: string

  constructor(pool: Pool, token: string) {
    this.#pool = pool
    this.#token = token
  }

  static pool(url: string, connections: number): Pool {
    return new Pool(url, { connections, pipelining: 1, headersTimeout: 30_000, bodyTimeout: 30_000 })
  }

  /** `wantResult`: answered once matching has spoken, with the fills. */
  order(order: Readonly<Record<string, unknown>>, { wantResult = false } = {}): Promise<Answer> {
    return this.send('POST', `/api/v1/order${wantResult ? '?wait=result' : ''}`, order)
  }

  /** `commandId` makes asking again safe. `wantResult`: answered once the order has ended, with how. */
  cancel(orderId: string, commandId: string, { wantResult = false } = {}): Promise<Answer> {
    const path = `/api/v1/order/${orderId}${wantResult ? '?wait=result' : ''}`
    return this.send('DELETE', path, undefined, { 'idempotency-key': commandId })
  }

  cancelAll(symbol: string, commandId: string): Promise<Answer> {
    return this.send('DELETE', `/api/v1/orders?symbol=${symbol}`, undefined, { 'idempotency-key': commandId })
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path)
  }

  async send(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    try {
      const response = await this.#pool.request({
        method,
        path,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const text = await response.body.text()
      const parsed: unknown = text === '' ? undefined : JSON.parse(text)
      const code =
        response.statusCode < 300 ? 'accepted' : (problem.safeParse(parsed).data?.code ?? 'malformed_answer')
      return { status: response.statusCode, code, body: parsed }
    } catch (error) {
      return { status: 0, code: 'no_answer', body: error }
    }
  }
}

export const orderIdOf = ({ body }: Answer): string => accepted.parse(body).order_id

export const accountOf = ({ body }: Answer): string => opened.parse(body).account

/** The answer if the exchange did as asked, else an error with everything it said. */
export function expectDone(answer: Answer, what: string): Answer {
  if (answer.code === 'accepted' || answer.code === 'already_exists') return answer
  throw new Error(`${what}: ${answer.status} ${answer.code} ${JSON.stringify(answer.body)}`)
}
