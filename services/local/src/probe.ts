import { connect } from 'node:net'

const ANSWER_WITHIN_MS = 1_000

export type Probe = {
  readonly port: number
  readonly host?: string
  /** What is sent once connected. */
  readonly request: Uint8Array | string
  readonly accepts: (answer: Buffer) => boolean
}

/** Whether a server answers a request as expected, within a second. */
export function probe({ port, host = '127.0.0.1', request, accepts }: Probe): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: ANSWER_WITHIN_MS })
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write(request))
    socket.once('data', (answer) => finish(accepts(answer)))
    for (const event of ['error', 'close', 'timeout']) socket.once(event, () => finish(false))
  })
}

/** Whether something listens on a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_WITHIN_MS })
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => finish(true))
    for (const event of ['error', 'timeout']) socket.once(event, () => finish(false))
  })
}

/** Whether a service says that it can do its work. Throws when it does not answer. */
export async function isServiceReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`, {
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  })
  await response.body?.cancel()
  return response.ok
}
