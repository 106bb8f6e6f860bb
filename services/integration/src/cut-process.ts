import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readHostConfig, REPOSITORY } from '@bourse/local/config'
import { ManagedProcess } from '@bourse/local/managed-process'
import { freePort } from '@bourse/local/ports'
import { isServiceReady } from '@bourse/local/probe'
import type { CopiedRegion } from './copied-region.ts'

/** `bourse cut --follow`, as a region that stands by runs it. */
export class CutProcess {
  readonly #process: ManagedProcess

  private constructor(process: ManagedProcess) {
    this.#process = process
  }

  static async start({
    name,
    region,
    alias,
    shards,
    home,
  }: {
    readonly name: string
    readonly region: CopiedRegion
    readonly alias: string
    readonly shards: number
    readonly home: string
  }): Promise<CutProcess> {
    const port = await freePort()
    await mkdir(join(home, 'log'), { recursive: true })
    const main = ['--enable-source-maps', 'services/operator/dist/main.js']
    const process = new ManagedProcess({
      name,
      command: [globalThis.process.execPath, ...main, 'cut', '--alias', alias, '--follow'],
      env: {
        ...readHostConfig().env,
        ...{ PORT: String(port), HOST: '127.0.0.1' },
        ...{ KAFKA_BROKERS: region.kafka.brokers, DATABASE_URL: region.databaseUrl },
        ...{ RISK_PARTITIONS: String(shards), MATCHING_PARTITIONS: String(shards) },
      },
      cwd: REPOSITORY,
      logFile: join(home, 'log', `${name}.log`),
      ...{ port, stopSignal: 'SIGTERM', stopGraceMs: 25_000, readyWithinMs: 60_000 },
      isReady: () => isServiceReady(port),
    })
    await process.start()
    return new CutProcess(process)
  }

  get logFile(): string {
    return this.#process.spec.logFile
  }

  /** How often it ended without having been asked to. */
  get restarts(): number {
    return this.#process.restarts
  }

  ready(): Promise<void> {
    return this.#process.ready()
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

  /** A metric's samples by their labels, as Prometheus writes them. */
  async metric(name: string): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.#process.spec.port}/metrics`)
    const samples = (await response.text()).matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))
    return new Map([...samples].map(([, labels = '', value]) => [labels, Number(value)]))
  }
}
