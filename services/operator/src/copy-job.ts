import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { Producer } from '@bourse/platform/kafka/producer'
import { readRecord } from '@bourse/platform/kafka/read-record'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { decodeFrame, encodeCommands } from '@bourse/protocol/frame'
import { inputKey, LargestCut, type InputName, type KeptRecord, type Tally } from './core/largest-cut.ts'
import { CutRefused } from './cut-refused.ts'
import type { InputSource, SourceRecord } from './input-source.ts'
import { createInputTopics, type Durability, type ExchangeShape } from './topics.ts'

/** Records on their way to the brokers; then the job reads no further. */
const IN_FLIGHT_MAX = 50_000
const ROOM_POLL_MS = 2
const FLUSH_TIMEOUT_MS = 120_000
const TELL_INTERVAL_MS = 30_000

export type CutParts = {
  readonly source: InputSource
  readonly target: {
    readonly connection: KafkaConnection
    readonly admin: Admin
    readonly producer: Producer
  }
  readonly shape: ExchangeShape
  readonly durability: Durability
  readonly print: (line: string) => void
}

/** An input of this region: how much of it is there, and the last record, so that it proves to be the same log. */
type Target = InputName & { readonly end: number; readonly last: Message | undefined }

/**
 * Makes the largest cut of another exchange's copied inputs, as this region's own inputs: bytes and log times as they
 * were. It goes on where an earlier run ended, after comparing the last record there.
 */
export class CopyJob {
  readonly #parts: CutParts
  readonly #cut: LargestCut
  readonly #targets: ReadonlyMap<string, Target>
  readonly #paused = new Set<string>()
  #failure: Error | undefined

  private constructor(
    parts: CutParts,
    { cut, targets }: { cut: LargestCut; targets: ReadonlyMap<string, Target> },
  ) {
    this.#parts = parts
    this.#cut = cut
    this.#targets = targets
  }

  /** @throws KafkaError `partition_count_mismatch` */
  static async start(parts: CutParts): Promise<CopyJob> {
    const { target, shape } = parts
    await createInputTopics(target.admin, shape, parts.durability)
    const cut = new LargestCut({ riskShards: shape.riskPartitions, matchingShards: shape.matchingPartitions })
    const targets = await Promise.all(cut.names.map((name) => targetOf(name, target)))
    return new CopyJob(parts, { cut, targets: new Map(targets.map((each) => [inputKey(each), each])) })
  }

  /** Reads the copies as far as they are now, and writes what is kept. */
  async copy(): Promise<void> {
    await this.#parts.source.mark()
    await this.#readWhile(() => !this.#hasRead())
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
    await this.#parts.source.mark()
    this.#cut.close()
    // Nothing waits any more, so what was not read on is read, and counted.
    this.#applyPauses()
    await this.#readWhile(() => !this.#hasRead())
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
      for (const record of await this.#parts.source.read()) await this.#take(record)
      if (this.#failure !== undefined) throw this.#failure
      this.#applyPauses()
    }
  }

  async #take({ offset, timestamp, value, ...name }: SourceRecord): Promise<void> {
    try {
      for (const kept of this.#cut.read(name, { timestamp, value })) {
        this.#write(kept)
        while (this.#parts.target.producer.inFlight >= IN_FLIGHT_MAX) await sleep(ROOM_POLL_MS)
      }
    } catch (error) {
      if (error instanceof CutRefused) throw error
      const where = `${this.#parts.source.nameOf(name)} at offset ${offset}`
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
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
      if (isFull) this.#parts.source.pause(name)
      else this.#parts.source.resume(name)
      if (isFull) this.#paused.add(key)
      else this.#paused.delete(key)
    }
  }

  #hasRead(): boolean {
    return this.#cut.names.every(
      (name) => this.#paused.has(inputKey(name)) || this.#parts.source.isRead(name),
    )
  }

  #target(name: InputName): Target {
    const target = this.#targets.get(inputKey(name))
    if (target === undefined) throw new Error(`${inputKey(name)} is no input`)
    return target
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
