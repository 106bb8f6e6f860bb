import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PythonEnvironment } from './python-environment.ts'

const START_TIMEOUT_MS = 60_000
const POLL_MS = 100

const python = new PythonEnvironment(
  join(import.meta.dirname, '..'),
  join(import.meta.dirname, 's3-requirements.txt'),
)

/** moto, an emulator of S3, with one bucket. */
export class S3Emulator {
  readonly bucket = 'archive'
  /** As a client of the SDK takes them. */
  readonly settings: {
    readonly endpoint: string
    readonly region: string
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  }
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, endpoint: string) {
    this.#process = process
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    this.settings = { endpoint, region: 'us-east-1', credentials }
  }

  /** Installs it the first time, which takes a while. */
  static async start(): Promise<S3Emulator> {
    python.install()
    const port = await freePort()
    const parameters = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)]
    const process = spawn(python.tool('python'), parameters, { stdio: 'ignore' })
    const emulator = new S3Emulator(process, `http://127.0.0.1:${port}`)
    await emulator.#createBucket()
    return emulator
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill()
    await ended
  }

  async #createBucket(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    for (;;) {
      try {
        const { ok, status } = await fetch(`${this.settings.endpoint}/${this.bucket}`, { method: 'PUT' })
        if (ok) return
        throw new Error(`the emulator answers ${status}`)
      } catch (error) {
        if (performance.now() > deadline) throw error
      }
      await sleep(POLL_MS)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
