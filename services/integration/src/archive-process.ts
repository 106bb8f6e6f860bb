import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readHostConfig, REPOSITORY } from '@bourse/local/config'
import { freePort } from '@bourse/local/ports'
import { isServiceReady } from '@bourse/local/probe'
import { ManagedProcess } from '@bourse/local/managed-process'

/** The archive beside an exchange, writing into a directory of its home. */
export class ArchiveProcess {
  readonly #process: ManagedProcess

  private constructor(process: ManagedProcess) {
    this.#process = process
  }

  /** @param ready waits until it is. @default true */
  static async start({
    name,
    home,
    kafkaBrokers,
    archive,
    fileAgeMs,
    ready = true,
  }: {
    readonly name: string
    readonly home: string
    readonly kafkaBrokers: string
    /** The directory. */
    readonly archive: string
    readonly fileAgeMs: number
    readonly ready?: boolean
  }): Promise<ArchiveProcess> {
    const port = await freePort()
    await mkdir(join(home, 'log'), { recursive: true })
    const process = new ManagedProcess({
      name,
      command: [globalThis.process.execPath, '--enable-source-maps', 'services/archive/dist/main.js'],
      env: {
        ...readHostConfig().env,
        ...{ PORT: String(port), HOST: '127.0.0.1', INSTANCE: name, UV_THREADPOOL_SIZE: '16' },
        ...{ KAFKA_BROKERS: kafkaBrokers, ARCHIVE_URL: pathToFileURL(archive).href },
        FILE_AGE_MS: String(fileAgeMs),
      },
      cwd: REPOSITORY,
      logFile: join(home, 'log', `${name}.log`),
      ...{ port, stopSignal: 'SIGTERM', stopGraceMs: 25_000, readyWithinMs: 60_000 },
      isReady: () => (ready ? isServiceReady(port) : Promise.resolve(true)),
    })
    await process.start()
    return new ArchiveProcess(process)
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
