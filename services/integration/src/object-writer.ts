import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { readHostConfig, REPOSITORY } from '@bourse/local/config'
import { freePort } from '@bourse/local/ports'
import { isServiceReady } from '@bourse/local/probe'
import { ManagedProcess } from '@bourse/local/managed-process'

/** A service beside an exchange that writes objects: the archive, or analytics. Here into a directory. */
export class ObjectWriter {
  readonly #process: ManagedProcess

  private constructor(process: ManagedProcess) {
    this.#process = process
  }

  /** @param ready waits until it is. @default true */
  static async start({
    service = 'archive',
    name,
    home,
    kafkaBrokers,
    directory,
    fileAgeMs,
    ready = true,
  }: {
    readonly service?: 'archive' | 'analytics'
    readonly name: string
    readonly home: string
    readonly kafkaBrokers: string
    readonly directory: string
    readonly fileAgeMs: number
    readonly ready?: boolean
  }): Promise<ObjectWriter> {
    const port = await freePort()
    await mkdir(join(home, 'log'), { recursive: true })
    const process = new ManagedProcess({
      name,
      command: [globalThis.process.execPath, '--enable-source-maps', `services/${service}/dist/main.js`],
      env: {
        ...readHostConfig().env,
        ...{ PORT: String(port), HOST: '127.0.0.1', INSTANCE: name, UV_THREADPOOL_SIZE: '16' },
        KAFKA_BROKERS: kafkaBrokers,
        [service === 'archive' ? 'ARCHIVE_URL' : 'TABLES_URL']: pathToFileURL(directory).href,
        FILE_AGE_MS: String(fileAgeMs),
      },
      cwd: REPOSITORY,
      logFile: join(home, 'log', `${name}.log`),
      ...{ port, stopSignal: 'SIGTERM', stopGraceMs: 25_000, readyWithinMs: 60_000 },
      isReady: () => (ready ? isServiceReady(port) : Promise.resolve(true)),
    })
    await process.start()
    return new ObjectWriter(process)
  }

  get logFile(): string {
    return this.#process.spec.logFile
  }

  /** Ends at once, without a word, and is started again. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.exited()
    await this.#process.ready()
  }

  /** Sleeps, as far as others can tell: it answers nobody, and wakes with what it had in hand. */
  async sleep(ms: number): Promise<void> {
    this.#process.kill('SIGSTOP')
    await sleep(ms)
    this.#process.kill('SIGCONT')
  }

  /** Ends at once, and for good. */
  async lose(): Promise<void> {
    const stopped = this.#process.stop()
    this.#process.kill('SIGKILL')
    await stopped
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }

  /** The samples of its metrics that begin so. */
  async metrics(beginning: string): Promise<readonly string[]> {
    const response = await fetch(`http://127.0.0.1:${this.#process.spec.port}/metrics`)
    return (await response.text()).split('\n').filter((line) => line.startsWith(beginning))
  }
}
