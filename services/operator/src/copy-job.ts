import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@bourse/platform/kafka/admin'
import type { KafkaConnection } from '@bourse/platform/kafka/client'
import type { Message } from '@bourse/platform/kafka/consumer'
import type { Producer } from '@bourse/platform/kafka/producer'
import { readRecord } from '@bourse/platform/kafka/read-record'
import { TOPICS } from '@bourse/platform/kafka/topics'
import { decodeFrame, encodeCommands } from '@bourse/protocol/frame'
import type { CutPosition } from './core/cut-position.ts'
import { inputKey, LargestCut, type InputName, type KeptRecord, type Tally } from './core/largest-cut.ts'
import { CutRefused } from './cut-refused.ts'
import type { InputSource, SourceRecord } from './input-source.ts'
import { createInputTopics, type Durability, type ExchangeShape } from './topics.ts'

/** Records on their way to the brokers; then the job reads no further. */
const IN_FLIGHT_MAX = 50_000
const ROOM_POLL_MS = 2
const FLUSH_TIMEOUT_MS = 120_000
const TELL_INTERVAL_MS = 30_000
const POSITION_INTERVAL_MS = 5_000
/** Before an epoch begins, nobody has written into this region's inputs for so long. */
const QUIET_MS = 3_000

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
  /**
   * Where an earlier run has come: the cut goes on from there, and `source` begins so many records before it that
   * repeats are known. @default at the beginning
   */
  readonly position?: CutPosition | undefined
  /** Records of each input that are known when they come again. @default RECORDS_REMEMBERED */
  readonly remembered?: number | undefined
  /** Called now and then with what is written for certain, and once before the next epoch is begun. */
  readonly keepPosition: (position: CutPosition, options: { readonly opened: boolean }) => Promise<void>
  /** Aborted when another may write here; its reason is thrown. */
  readonly lost: AbortSignal
}

/** An input of this region: how much of it is there, and the last record, so that it proves to be the same log. */
type Target = InputName & {
  readonly end: number
  readonly last: Message | undefined
  /** Acknowledged by the brokers up to here. */
  written: number
}

/**
 * Makes the largest cut of another exchange's copied inputs, as this region's own inputs: bytes and log times as they
 * were. It goes on where an earlier run ended, after comparing the last record there.
 */
export class CopyJob {
  readonly #parts: CutParts
  readonly #cut: LargestCut
  readonly #targets: ReadonlyMap<string, Target>
  /** Where each copy goes on: what comes before is known already. */
  readonly #begins: ReadonlyMap<string, number>
  readonly #paused = new Set<string>()
  /** Records of the copies that were read, and those before the position that were looked at only to know them again. */
  readonly counts = { read: 0, remembered: 0 }
  #notedAt = performance.now()
  #noted: CutPosition | undefined
  #failure: Error | undefined

  private constructor(
    parts: CutParts,
    { cut, targets }: { cut: LargestCut; targets: ReadonlyMap<string, Target> },
  ) {
    this.#parts = parts
    this.#cut = cut
    this.#targets = targets
    this.#begins = new Map(parts.position?.inputs.map((input) => [inputKey(input), input.next]))
  }

  /** @throws KafkaError `partition_count_mismatch`, CutRefused `already_open`, `target_differs` */
  static async start(parts: CutParts): Promise<CopyJob> {
    const { target, shape, position: from, remembered } = parts
    await createInputTopics(target.admin, shape, parts.durability)
    const topology = { riskShards: shape.riskPartitions, matchingShards: shape.matchingPartitions }
    const cut = new LargestCut(topology, { from, ...(remembered !== undefined && { remembered }) })
    const targets = await Promise.all(cut.names.map((name) => targetOf(name, target)))
    const job = new CopyJob(parts, { cut, targets: new Map(targets.map((each) => [inputKey(each), each])) })
    // Whatever is not a copy was written by somebody else, and nothing may be added to it: not even to another input.
    for (const each of targets)
      if (each.last !== undefined && each.last.copied !== true) throw job.#contradiction(each)
    return job
  }

  get cut(): LargestCut {
    return this.#cut
  }

  /** Reads the copies as far as they are now, and writes what is kept. */
  async copy(): Promise<void> {
    await this.#parts.source.mark()
    await this.#readWhile(() => !this.#hasRead())
    for (const target of this.#targets.values())
      if (target.end > this.#cut.standing(target).kept.records) throw this.#contradiction(target)
    await this.#noteNow()
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
    await this.#noteNow()
  }

  /** Drops what is not kept, and tells what that is. */
  async close(): Promise<void> {
    await this.#parts.source.mark()
    this.#cut.close()
    // Nothing waits any more, so what was not read on is read, and counted.
    this.#applyPauses()
    await this.#readWhile(() => !this.#hasRead())
    // A cut that keeps its lock in another database would still follow: of an exchange that lives something comes every second.
    await sleep(QUIET_MS)
    for (const name of this.#cut.names) await this.#requireWhole(name)
    this.#tellDropped()
  }

  /** Begins the next epoch, after `close`. The last that this job ever writes here. */
  async begin(): Promise<void> {
    await this.#parts.keepPosition(this.#cut.position(), { opened: true })
    this.#parts.lost.throwIfAborted()
    const epoch = this.#cut.epoch + 1
    const first = { topic: TOPICS.riskIn, partition: 0 } as const
    const value = encodeCommands([{ type: 'epoch', epoch }])
    this.#send(first, value, { offset: this.#cut.standing(first).kept.records })
    await this.#written()
    this.#parts.print(`epoch ${epoch} begins`)
  }

  /** Prints what is kept and what waits of each input. */
  tell(): void {
    for (const name of this.#cut.names) {
      const { kept, waiting, repeats } = this.#cut.standing(name)
      const twice = repeats === 0 ? '' : `, ${repeats} records came twice`
      this.#parts.print(`${inputKey(name)}: kept ${inWords(kept)}; waiting ${inWords(waiting)}${twice}`)
    }
    const { read, remembered } = this.counts
    this.#parts.print(`read ${read} records of the copies, and ${remembered} before them to know repeats by`)
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
      this.#parts.lost.throwIfAborted()
      for (const record of await this.#parts.source.read()) await this.#take(record)
      if (this.#failure !== undefined) throw this.#failure
      this.#applyPauses()
      await this.#notePosition()
    }
  }

  async #noteNow(): Promise<void> {
    await this.#written()
    await this.#parts.keepPosition(this.#cut.position(), { opened: false })
  }

  /** A position is kept once everything before it is acknowledged: who goes on from it must find that here. */
  async #notePosition(): Promise<void> {
    if (this.#noted === undefined && performance.now() - this.#notedAt > POSITION_INTERVAL_MS) {
      this.#notedAt = performance.now()
      this.#noted = this.#cut.position()
    }
    const noted = this.#noted
    if (noted?.inputs.every((input) => input.kept.records <= this.#target(input).written) !== true) return
    this.#noted = undefined
    await this.#parts.keepPosition(noted, { opened: false })
  }

  async #take({ offset, timestamp, value, ...name }: SourceRecord): Promise<void> {
    if (offset < (this.#begins.get(inputKey(name)) ?? 0)) {
      this.counts.remembered++
      return this.#cut.remember(name, { offset, timestamp, value })
    }
    this.counts.read++
    try {
      for (const kept of this.#cut.read(name, { offset, timestamp, value })) {
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
      else this.#target({ topic, partition }).written = due + 1
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
    if (last !== undefined && last.copied !== true)
      return new CutRefused(
        'target_differs',
        `${inputKey(name)} here ends with a record that is no copy: another log begins there, or an exchange runs already`,
      )
    return new CutRefused(
      'target_differs',
      `${inputKey(name)} here has ${end} records, and they are not the beginning of the ${kept.records} that the copies give: ` +
        'another log, or one cut short',
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
  return { ...name, end, last, written: end }
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
