import { type Admin, connectAdmin } from './admin.ts'
import type { KafkaConnection, TopicPartition } from './client.ts'

/**
 * One partition as one client stands to it. `position` moves while the client works; `isBehind` says whether there is
 * work, given where the partition ends.
 */
export type Standing = TopicPartition & {
  readonly position: number
  readonly isBehind: (end: number) => boolean
}

export type StallWatchOptions = {
  /** Only what should move: nothing that is paused, nothing whose user is busy elsewhere. */
  readonly standings: () => readonly Standing[]
  /** Where a partition ends, asked through another client. Rejects while no broker can be asked. */
  readonly end: (partition: TopicPartition) => Promise<number>
  /** Told once. */
  readonly onStalled: (stalled: TopicPartition & { readonly end: number }) => void
  readonly checksMax: number
}

const CHECK_INTERVAL_MS = 1_000
const CONNECT_TIMEOUT_MS = 5_000

/**
 * Notices a client that stands still for ever although another one reaches the broker.
 *
 * A broker may answer a request for metadata without naming itself (fenced for a moment, as the only one); librdkafka
 * then forgets it and may never connect again, without an error: https://github.com/confluentinc/librdkafka/issues/5301
 */
export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #seen = new Map<string, { readonly position: number; readonly checks: number }>()
  #told = false

  constructor(options: StallWatchOptions) {
    this.#options = options
  }

  /** Asks only about partitions that have not moved since the last check. */
  async check(): Promise<void> {
    const { standings, end, onStalled, checksMax } = this.#options
    const now = standings()
    const keys = new Set(now.map(keyOf))
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key)
    for (const standing of now) {
      const key = keyOf(standing)
      const seen = this.#seen.get(key)
      const stands = seen?.position === standing.position && standing.isBehind(await end(standing))
      const checks = stands ? (seen?.checks ?? 0) + 1 : 0
      this.#seen.set(key, { position: standing.position, checks })
      if (checks < checksMax || this.#told) continue
      this.#told = true
      const { topic, partition } = standing
      onStalled({ topic, partition, end: await end(standing) })
    }
  }
}

/** Checks every second, through a client of its own that is made when first needed. Returns what ends it. */
export function watchForStalls(
  connection: KafkaConnection,
  options: Omit<StallWatchOptions, 'end'>,
): () => Promise<void> {
  let admin: Admin | undefined
  const end = async ({ topic, partition }: TopicPartition): Promise<number> => {
    const clientId = `${connection.clientId}-watch`
    admin ??= await connectAdmin({ ...connection, clientId, connectTimeoutMs: CONNECT_TIMEOUT_MS })
    return (await admin.watermarks(topic, partition)).high
  }
  const watch = new StallWatch({ ...options, end })
  let checking: Promise<void> | undefined
  const timer = setInterval(() => {
    checking ??= watch
      .check()
      // No broker answers: nothing is known. A client that fails may be a broken one, too.
      .catch(() => replace())
      .finally(() => (checking = undefined))
  }, CHECK_INTERVAL_MS)
  timer.unref()
  const replace = async (): Promise<void> => {
    const broken = admin
    admin = undefined
    await broken?.close().catch(() => {})
  }
  return async () => {
    clearInterval(timer)
    await checking
    await replace()
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`
