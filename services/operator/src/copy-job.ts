import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection, TopicPartition } from '@bourse/platform/kafka/client'
import { connectFollower, type Follower, type Message } from '@bourse/platform/kafka/consumer'
import type { Producer } from '@bourse/platform/kafka/producer'
import { readRecord } from '@bourse/platform/kafka/read-record'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { decodeFrame, encodeCommands } from '@bourse/protocol/frame'
import { inputKey, LargestCut, type InputName, type KeptRecord, type Tally } from './core/largest-cut.ts'
import { createInputTopics, type Durability, type ExchangeShape } from './topics.ts'

const READ_MAX = 1_000
const READ_WAIT_MS = 100
/** Records on their way to the brokers; then the job reads no further. */
const IN_FLIGHT_MAX = 50_000
const ROOM_POLL_MS = 2
const FLUSH_TIMEOUT_MS = 120_000
const TELL_INTERVAL_MS = 30_000

export type CutParts = {
  readonly source: {
    readonly connection: KafkaConnection
    readonly admin: Admin
    /** What the copies' names have before the originals': `alias.` of `alias.risk.in`. */
    readonly prefix: string
  }
  readonly target: {
    readonly connection: KafkaConnection
    readonly admin: Admin
    readonly producer: Producer
  }
  readonly shape: ExchangeShape
  readonly durability: Durability
  readonly print: (line: string) => void
}

export type CutRefusal = 'copies_incomplete' | 'target_differs' | 'already_open' | 'not_delivered'

/** The cut cannot be made here. The message begins with its code; nothing that is there was changed. */
export class CutRefused extends Error {
  override readonly name = 'CutRefused'
  readonly code: CutRefusal

  constructor(code: CutRefusal, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options)
    this.code = code
  }
}

/** An input of this region: how much of it is there, and the last record, so that it proves to be the same log. */
type Target = InputName & { readonly end: number; readonly last: Message | undefined }

/**
 * Makes the largest cut of another region's copied inputs, as this region's own inputs: bytes and log times as they
 * were. It goes on where an earlier run ended, after comparing the last record there.
 */
export class CopyJob {
  readonly #parts: CutParts
  readonly #cut: LargestCut
  readonly #follower: Follower
  readonly #targets: ReadonlyMap<string, Target>
  readonly #paused = new Set<string>()
  /** Next offset to read of each copy. */
  readonly #positions = new Map<string, number>()
  #failure: Error | undefined

  private constructor(
    parts: CutParts,
    { cut, follower, targets }: { cut: LargestCut; follower: Follower; targets: ReadonlyMap<string, Target> },
  ) {
    this.#parts = parts
    this.#cut = cut
    this.#follower = follower
    this.#targets = targets
  }

  /** @throws CutRefused `copies_incomplete`, KafkaError `partition_count_mismatch` */
  static async start(parts: CutParts): Promise<CopyJob> {
    const { source, target, shape } = parts
    await requireCopies(parts)
    await createInputTopics(target.admin, shape, parts.durability)
    const cut = new LargestCut({ riskShards: shape.riskPartitions, matchingShards: shape.matchingPartitions })
    const targets = await Promise.all(cut.names.map((name) => targetOf(name, target)))
    const follower = await connectFollower(source.connection)
    const job = new CopyJob(parts, {
      ...{ cut, follower },
      targets: new Map(targets.map((each) => [inputKey(each), each])),
    })
    follower.assign(cut.names.map((name) => ({ ...job.#copyOf(name), offset: 0 })))
    return job
  }

  /** Reads the copies as far as they are now, and writes what is kept. */
  async copy(): Promise<void> {
    const ends = await this.#ends()
    await this.#readWhile(() => !this.#hasRead(ends))
    for (const target of this.#targets.values())
      if (target.end > this.#cut.standing(target).kept.records) throw this.#contradiction(target)
    await this.#written()
  }

  /** Goes on with what is copied until aborted. */
  async follow(signal: AbortSignal): Promise<void> {
    let toldAt = performance.now()
    await this.#readWhile(() => {
      if (performance.now() - toldAt > TELL_INTERVAL_MS) {
        toldAt = performance.now()
        this.tell()
      }
      return !signal.aborted
    })
    await this.#written()
  }

  /**
   * Drops what is not kept, tells what that is, and begins the next epoch. The last that this job ever writes here.
   *
   * @returns the epoch
   */
  async open(): Promise<number> {
    const ends = await this.#ends()
    this.#cut.close()
    await this.#readWhile(() => !this.#hasRead(ends))
    for (const name of this.#cut.names) await this.#requireWhole(name)
    this.#tellDropped()
    const epoch = this.#cut.epoch + 1
    const first = { topic: TOPICS.riskIn, partition: 0 } as const
    const value = encodeCommands([{ type: 'epoch', epoch }])
    this.#send(first, value, { offset: this.#cut.standing(first).kept.records })
    await this.#written()
    this.#parts.print(`epoch ${epoch} begins`)
    return epoch
  }

  /** Prints what is kept and what waits of each input. */
  tell(): void {
    for (const name of this.#cut.names) {
      const { kept, waiting, repeats } = this.#cut.standing(name)
      const twice = repeats === 0 ? '' : `, ${repeats} records came twice`
      this.#parts.print(`${inputKey(name)}: kept ${inWords(kept)}; waiting ${inWords(waiting)}${twice}`)
    }
  }

  async close(): Promise<void> {
    await this.#follower.close()
  }

  #tellDropped(): void {
    const dropped = this.#cut.names.map((name) => ({ name, tally: this.#cut.standing(name).waiting }))
    for (const { name, tally } of dropped) this.#parts.print(`${inputKey(name)}: dropped ${inWords(tally)}`)
    const times = dropped.flatMap(({ tally: { from, to } }) =>
      from === undefined || to === undefined ? [] : [from, to],
    )
    const commands = dropped.reduce((sum, { tally }) => sum + tally.commands, 0)
    this.#parts.print(
      times.length === 0
        ? 'lost: nothing that was copied'
        : `lost: ${commands} commands, between ${isoTime(Math.min(...times))} and ${isoTime(Math.max(...times))}`,
    )
  }

  async #readWhile(wanted: () => boolean): Promise<void> {
    while (wanted()) {
      for (const message of await this.#follower.read({ max: READ_MAX, waitMs: READ_WAIT_MS }))
        await this.#take(message)
      if (this.#failure !== undefined) throw this.#failure
      this.#applyPauses()
    }
  }

  async #take({ topic, partition, offset, timestamp, value }: Message): Promise<void> {
    const name = {
      topic: topic === this.#copyName(TOPICS.riskIn) ? TOPICS.riskIn : TOPICS.ordersIn,
      partition,
    }
    this.#positions.set(inputKey(name), offset + 1)
    try {
      for (const kept of this.#cut.read(name, { timestamp, value })) {
        this.#write(kept)
        while (this.#parts.target.producer.inFlight >= IN_FLIGHT_MAX) await sleep(ROOM_POLL_MS)
      }
    } catch (error) {
      if (error instanceof CutRefused) throw error
      throw new Error(`${topic}[${partition}] at offset ${offset}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }

  #write(kept: KeptRecord): void {
    const { end, last } = this.#target(kept)
    if (kept.offset >= end)
      return this.#send(kept, kept.value, { offset: kept.offset, logTime: kept.timestamp })
    if (kept.offset < end - 1 || last === undefined) return
    if (!last.value.equals(kept.value) || last.timestamp !== kept.timestamp) throw this.#contradiction(kept)
  }

  #send(
    { topic, partition }: InputName,
    value: Buffer,
    { offset: due, ...options }: { offset: number; logTime?: number },
  ): void {
    const onDelivered = (error: Error | undefined, offset: number): void => {
      const where = `${topic}/${partition} at offset ${due}`
      if (error !== undefined) this.#failure ??= new CutRefused('not_delivered', where, { cause: error })
      else if (offset !== due)
        this.#failure ??= new CutRefused(
          'target_differs',
          `${where}: written at ${offset}, so somebody else writes there`,
        )
    }
    this.#parts.target.producer.send(topic, partition, value, onDelivered, options)
  }

  async #written(): Promise<void> {
    await this.#parts.target.producer.flush(FLUSH_TIMEOUT_MS)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** This region's input must end where the cut does. */
  async #requireWhole(name: InputName): Promise<void> {
    const { high } = await this.#parts.target.admin.watermarks(name.topic, name.partition)
    if (high !== this.#cut.standing(name).kept.records) throw this.#contradiction(name)
  }

  #contradiction(name: InputName): CutRefused {
    const { last, end } = this.#target(name)
    const { kept } = this.#cut.standing(name)
    const begun = last === undefined ? undefined : epochBegunBy(last)
    if (begun !== undefined) return new CutRefused('already_open', `epoch ${begun} has begun here`)
    return new CutRefused(
      'target_differs',
      `${inputKey(name)} here has ${end} records, and they are not the beginning of the ${kept.records} that the copies give: ` +
        'another log, one cut short, or an exchange that runs already',
    )
  }

  /** An input of which too much waits is read on when some of it is kept. */
  #applyPauses(): void {
    for (const name of this.#cut.names) {
      const key = inputKey(name)
      const isFull = this.#cut.isFull(name)
      if (isFull === this.#paused.has(key)) continue
      if (isFull) this.#follower.pause([this.#copyOf(name)])
      else this.#follower.resume([this.#copyOf(name)])
      if (isFull) this.#paused.add(key)
      else this.#paused.delete(key)
    }
  }

  #hasRead(ends: ReadonlyMap<string, number>): boolean {
    return [...ends].every(([key, end]) => this.#paused.has(key) || (this.#positions.get(key) ?? 0) >= end)
  }

  async #ends(): Promise<ReadonlyMap<string, number>> {
    const { admin } = this.#parts.source
    const ends = this.#cut.names.map(async (name) => {
      const { topic, partition } = this.#copyOf(name)
      return [inputKey(name), (await admin.watermarks(topic, partition)).high] as const
    })
    return new Map(await Promise.all(ends))
  }

  #target(name: InputName): Target {
    const target = this.#targets.get(inputKey(name))
    if (target === undefined) throw new Error(`${inputKey(name)} is no input`)
    return target
  }

  #copyOf({ topic, partition }: InputName): TopicPartition {
    return { topic: this.#copyName(topic), partition }
  }

  #copyName(topic: InputName['topic']): string {
    return `${this.#parts.source.prefix}${topic}`
  }
}

async function requireCopies({ source, shape }: CutParts): Promise<void> {
  const counts = { [TOPICS.riskIn]: shape.riskPartitions, [TOPICS.ordersIn]: shape.matchingPartitions }
  for (const [name, wanted] of Object.entries(counts)) {
    const topic = `${source.prefix}${name}`
    const partitions = await source.admin.partitionCount(topic)
    if (partitions !== wanted)
      throw new CutRefused(
        'copies_incomplete',
        `topic ${topic} has ${partitions ?? 'no'} partitions, not ${wanted}`,
      )
    for (let partition = 0; partition < partitions; partition++) {
      const { low, high } = await source.admin.watermarks(topic, partition)
      if (low > 0 || high === 0)
        throw new CutRefused(
          'copies_incomplete',
          `${topic}[${partition}] has the offsets from ${low} to ${high}`,
        )
    }
  }
}

async function targetOf(name: InputName, { admin, connection }: CutParts['target']): Promise<Target> {
  const { high: end } = await admin.watermarks(name.topic, name.partition)
  const last = end === 0 ? undefined : await readRecord(connection, { ...name, offset: end - 1 })
  return { ...name, end, last }
}

/** The epoch that an operator's record begins; undefined where it is something else. */
function epochBegunBy({ value }: Message): number | undefined {
  const { source, entries } = decodeFrame(value)
  const [first] = entries
  return source.kind === 'gateway' && first?.entry.type === 'epoch' ? first.entry.epoch : undefined
}

function inWords({ records, entries, commands, from, to }: Readonly<Tally>): string {
  const when = from === undefined || to === undefined ? '' : `, ${isoTime(from)} to ${isoTime(to)}`
  return `${records} records, ${entries} entries, ${commands} of them commands${when}`
}

const isoTime = (ms: number): string => new Date(ms).toISOString()
