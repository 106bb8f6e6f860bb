import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHostConfig } from '@bourse/local/config'
import { completePorts } from '@bourse/local/ports'
import { ProcessGroup } from '@bourse/local/process-group'
import { startServers } from '@bourse/local/servers'
import type { InputName } from '@bourse/operator/core/largest-cut'
import { connectAdmin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import { connectFollower, type Message } from '@bourse/platform/kafka/consumer'
import { connectProducer } from '@bourse/platform/kafka/producer'

export type InputCopy = InputName & { readonly records: readonly Message[] }

const READ_MAX = 1_000
const READ_WAIT_MS = 500

/** An exchange's inputs, each as far as it is when it is asked for: one after the other, so that they end at different points. */
export async function readInputs(brokers: string, shards: number): Promise<InputCopy[]> {
  const connection = { brokers, clientId: 'copier' }
  const admin = await connectAdmin(connection)
  const copies: InputCopy[] = []
  try {
    for (const topic of ['orders.in', 'risk.in'] as const) {
      for (let partition = 0; partition < shards; partition++) {
        const { high } = await admin.watermarks(topic, partition)
        copies.push({
          topic,
          partition,
          records: await readPartition(connection, { topic, partition }, high),
        })
      }
    }
  } finally {
    await admin.close()
  }
  return copies
}

async function readPartition(connection: KafkaConnection, name: InputName, end: number): Promise<Message[]> {
  const follower = await connectFollower(connection)
  const records: Message[] = []
  try {
    follower.assign([{ ...name, offset: 0 }])
    while (records.length < end) {
      // Whether they are copies says nothing of what they are.
      for (const { offset, timestamp, value } of await follower.read({ max: READ_MAX, waitMs: READ_WAIT_MS }))
        records.push({ ...name, offset, timestamp, value })
    }
  } finally {
    await follower.close()
  }
  return records.slice(0, end)
}

/** Another region: a broker and a database server that hold nothing of the exchange but copies, under an alias. */
export class CopiedRegion {
  readonly kafka: KafkaConnection
  readonly databaseUrl: string
  readonly #home: string
  readonly #processes: ProcessGroup

  private constructor(parts: {
    kafka: KafkaConnection
    databaseUrl: string
    home: string
    processes: ProcessGroup
  }) {
    this.kafka = parts.kafka
    this.databaseUrl = parts.databaseUrl
    this.#home = parts.home
    this.#processes = parts.processes
  }

  static async start(): Promise<CopiedRegion> {
    const home = await mkdtemp(join(tmpdir(), 'bourse-region-'))
    await mkdir(join(home, 'log'))
    const processes = new ProcessGroup()
    const start = (spec: Parameters<typeof processes.start>[0]) => processes.start(spec)
    const context = { host: readHostConfig(), home, ports: await completePorts({}), report() {}, start }
    const servers = startServers(context, { redisUrl: 'redis://none' })
    const [brokers, databaseUrl] = await Promise.all([servers.kafkaBrokers, servers.databaseUrl])
    return new CopiedRegion({ kafka: { brokers, clientId: 'region' }, databaseUrl, home, processes })
  }

  /** Appends records to the copies, with the times that they had. */
  async append(alias: string, copies: readonly InputCopy[]): Promise<void> {
    const admin = await connectAdmin(this.kafka)
    const onFatal = (error: Error): never => {
      throw error
    }
    const producer = await connectProducer({ ...this.kafka, onFatal })
    try {
      for (const topic of ['risk.in', 'orders.in'] as const) {
        const partitions = copies.filter((copy) => copy.topic === topic).length
        await admin.createTopics([{ topic: `${alias}.${topic}`, partitions, replicas: 1 }])
      }
      for (const { topic, partition, records } of copies) {
        for (const { value, timestamp } of records)
          producer.send(`${alias}.${topic}`, partition, value, () => undefined, { logTime: timestamp })
      }
      await producer.flush(60_000)
    } finally {
      await producer.close()
      await admin.close()
    }
  }

  async stop(): Promise<void> {
    await this.#processes.stop()
    await rm(this.#home, { recursive: true, force: true })
  }
}
