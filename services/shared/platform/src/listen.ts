import { once } from 'node:events'
import { type RequestListener, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Time for the request line and headers, for the whole request, and for the next one on the same connection. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** Longer than a load balancer keeps a connection idle (60 s), so that it never sends into one just closed. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000
/** While closing. */
const IDLE_SWEEP_MS = 20

export type ListenOptions = {
  /** 0 takes a free one. */
  readonly port: number
  /** @default all addresses */
  readonly host?: string | undefined
}

/** Serves an application. */
export async function listen(
  app: { callback(): RequestListener },
  { port, host }: ListenOptions,
): Promise<HttpServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    app.callback(),
  )
  server.listen(port, host)
  await once(server, 'listening')
  return new HttpServer(server)
}

export class HttpServer {
  /** For upgrades to WebSocket. */
  readonly server: Server
  readonly port: number

  constructor(server: Server) {
    this.server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Takes no more connections, lets requests in work finish for up to `drainMs`, and cuts off the rest. */
  async close(drainMs: number): Promise<void> {
    const closed = once(this.server, 'close')
    this.server.close()
    // A connection in use is kept alive behind its answer; it has to go then too.
    const sweep = setInterval(() => this.server.closeIdleConnections(), IDLE_SWEEP_MS)
    const cut = setTimeout(() => this.server.closeAllConnections(), drainMs)
    await closed
    clearInterval(sweep)
    clearTimeout(cut)
  }
}
