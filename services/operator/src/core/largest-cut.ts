import { invariant } from '@bourse/domain/result'
import { decodeFrame, type Frame, type FramedEntry } from '@bourse/protocol/frame'
import type { Topology } from '@bourse/protocol/shard'
import { hashOf } from '@bourse/protocol/stream-hash'
import { InboundStream, InboundStreams, sourceKey } from '@bourse/protocol/streams'
import { TIMES_SAVED_MAX, type CutPosition, type InputPosition, type KeptStream } from './cut-position.ts'
import { InputTimes } from './input-times.ts'
import { RecentRecords, RECORDS_REMEMBERED, type CopiedRecord } from './recent-records.ts'

/** A partition that a shard reads. Of an exchange's log these alone are copied: engines write the rest again. */
export type InputName = { readonly topic: 'risk.in' | 'orders.in'; readonly partition: number }

export const inputKey = ({ topic, partition }: InputName): string => `${topic}/${partition}`

/** A record inside the cut, and its offset in the log that the cut makes. */
export type KeptRecord = InputName & CopiedRecord

/** Records by what became of them. Times are log time in milliseconds. */
export type Tally = {
  records: number
  /** That a shard applies. */
  entries: number
  /** Of these, what people or clocks asked for. The others follow from something, and are written again when that is kept. */
  commands: number
  /** Of the first and the last; undefined where there is none. */
  from: number | undefined
  to: number | undefined
}

export type InputStanding = {
  readonly kept: Readonly<Tally>
  /** Read, and no part of the cut yet: something that they follow from has not been copied. */
  readonly waiting: Readonly<Tally>
  /** Records that the copier wrote more than once. */
  readonly repeats: number
}

/** What was copied is not the beginning of one exchange's log. */
export class WrongCopyError extends Error {
  override readonly name = 'WrongCopyError'
}

/** Bytes of one input that may wait; then it is to be read on only when some of them are kept. */
export const WAITING_BYTES_MAX = 16 * 1024 * 1024

type Waiting = {
  readonly record: CopiedRecord
  readonly entries: number
  readonly commands: number
  /** The last entry to be applied: what it follows from includes what those before it do. Gateways' follow from none. */
  readonly last: { readonly sender: Input; readonly entry: FramedEntry } | undefined
  /** How its source's stream stands behind it; undefined for a gateway's. */
  readonly stream: readonly [source: string, KeptStream] | undefined
}

/** An input with its shard's count of applied entries, made as the shard itself makes it. */
type Input = InputName & {
  readonly shard: string
  readonly recent: RecentRecords
  readonly streams: InboundStreams
  readonly times: InputTimes
  /** How streams stand in what is kept; those of `streams` have read what waits too. */
  readonly keptStreams: Map<string, KeptStream>
  lastKept: CopiedRecord | InputPosition['last']
  /** Where the copy goes on behind it. */
  next: number
  readonly kept: Tally
  readonly waiting: Tally
  /** What waits begins at `head`; before it is what is kept already. */
  queue: Waiting[]
  head: number
  queuedBytes: number
  repeats: number
  /** The shard's monotone log time. */
  time: number
}

/**
 * The largest part of an exchange's copied inputs in which nothing follows from what is not there: where each copy
 * ends is chance, and an engine that starts from them must find the cause of all that the others have told it. Pure.
 *
 * An entry that a shard wrote names its cause: how many inputs the shard had applied. So the next record of an input is
 * kept once every sender's own input is kept that far. What is kept makes more keepable and nothing less, so the order
 * of reading does not matter, and nothing larger exists: among the records that a larger cut had besides, the one
 * written first follows only from earlier ones, which are kept, and would have been kept too.
 *
 * Throws, and is of no use afterwards: a WrongCopyError, a MalformedError for a record that is no frame, a
 * DivergenceError for a stream that contradicts itself.
 */
export class LargestCut {
  readonly #inputs = new Map<string, Input>()
  readonly #readers = new Map<string, Input>()
  #log: string | undefined
  #epoch = 0
  #closed = false

  /**
   * @param from where an earlier cut of the same inputs has come; each is to be read on from its `next`
   * @param remembered records of each input that are told when they come again
   */
  constructor(
    { riskShards, matchingShards }: Topology,
    { from, remembered = RECORDS_REMEMBERED }: { from?: CutPosition | undefined; remembered?: number } = {},
  ) {
    const add = (topic: InputName['topic'], partition: number, kind: 'risk' | 'matching'): void => {
      const input = newInput({ topic, partition, kind, remembered }, from?.inputs[this.#inputs.size])
      this.#inputs.set(inputKey(input), input)
      this.#readers.set(input.shard, input)
    }
    for (let partition = 0; partition < riskShards; partition++) add('risk.in', partition, 'risk')
    for (let partition = 0; partition < matchingShards; partition++) add('orders.in', partition, 'matching')
    if (from === undefined) return
    this.#log = from.log || undefined
    this.#epoch = from.epoch
  }

  get names(): readonly InputName[] {
    return [...this.#inputs.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** The highest epoch that anything read is of, kept or not. */
  get epoch(): number {
    return this.#epoch
  }

  /** Log time of the oldest record that waits, or of the newest that is kept where none waits; undefined before any. */
  get keptUntil(): number | undefined {
    const inputs = [...this.#inputs.values()]
    const waiting = inputs.flatMap(({ waiting: { from } }) => from ?? [])
    if (waiting.length > 0) return Math.min(...waiting)
    const kept = inputs.flatMap(({ kept: { to } }) => to ?? [])
    return kept.length > 0 ? Math.max(...kept) : undefined
  }

  standing(name: InputName): InputStanding {
    return this.#input(name)
  }

  /** The last entry of each source in what is kept of an input, by the source's key. */
  keptSequences(name: InputName): ReadonlyMap<string, number> {
    return new Map([...this.#input(name).keptStreams].map(([source, { sequence }]) => [source, sequence]))
  }

  /** How far it has come: where another cut may go on. What waits is to be read once more. */
  position(): CutPosition {
    return {
      log: this.#log ?? '',
      epoch: this.#epoch,
      inputs: [...this.#inputs.values()].map(
        ({ topic, partition, next, lastKept, kept, time, keptStreams, times }) => ({
          ...{ topic, partition, next, last: lastKept && identityOf(lastKept), kept: { ...kept }, time },
          ...{ streams: new Map(keptStreams), times: times.newest(TIMES_SAVED_MAX) },
        }),
      ),
    }
  }

  /** Takes notice of a record before the position that the cut goes on from: when it comes again, it is a repeat. */
  remember(name: InputName, record: CopiedRecord): void {
    this.#input(name).recent.has(record)
  }

  /** Whether so much of an input waits that no more of it should be read now. */
  isFull(name: InputName): boolean {
    return this.#input(name).queuedBytes >= WAITING_BYTES_MAX
  }

  /** Takes an input's next record. Returns what is kept from now on, each input's records in order. */
  read(name: InputName, record: CopiedRecord): readonly KeptRecord[] {
    const input = this.#input(name)
    if (input.recent.has(record)) {
      input.repeats++
      return []
    }
    const frame = decodeFrame(record.value)
    this.#checkGenesis(input, frame)
    const applied = input.streams.take(frame, () => undefined)
    this.#epoch = Math.max(this.#epoch, frame.epoch)
    for (const { entry } of applied)
      if (entry.type === 'epoch') this.#epoch = Math.max(this.#epoch, entry.epoch)
    const last = applied.at(-1)
    const sender = frame.source.kind === 'gateway' ? undefined : this.#sender(input, frame)
    this.#enqueue(input, {
      record,
      stream: standingOf(input, sourceKey(frame.source)),
      entries: applied.length,
      commands: frame.source.kind === 'gateway' ? applied.length : 0,
      last: last === undefined || sender === undefined ? undefined : { sender, entry: last },
    })
    return this.#closed ? [] : this.#keep(input)
  }

  /** Nothing is kept from now on: what waits and what is still read is dropped, and only counted. */
  close(): void {
    this.#closed = true
    for (const input of this.#inputs.values()) {
      input.queue = []
      input.head = 0
      input.queuedBytes = 0
    }
  }

  #enqueue(input: Input, waiting: Waiting): void {
    addTo(input.waiting, waiting)
    if (this.#closed) return
    input.queue.push(waiting)
    input.queuedBytes += waiting.record.value.length
  }

  /** Keeps what may be kept of an input, and of those that waited for it, and so on. */
  #keep(first: Input): KeptRecord[] {
    const kept: KeptRecord[] = []
    const grown = new Set([first])
    for (const input of grown) {
      grown.delete(input)
      const before = input.kept.entries
      this.#keepHead(input, kept)
      if (input.kept.entries === before) continue
      for (const other of this.#inputs.values()) {
        if (other.queue[other.head]?.last?.sender === input) grown.add(other)
      }
    }
    return kept
  }

  #keepHead(input: Input, kept: KeptRecord[]): void {
    for (let next = input.queue[input.head]; next !== undefined; next = input.queue[input.head]) {
      const { record, entries, last, stream } = next
      if (last !== undefined && last.sender.kept.entries < last.entry.cause) break
      if (last !== undefined) checkTime(input, last)
      const { topic, partition } = input
      const { timestamp, value } = record
      kept.push({ topic, partition, offset: input.kept.records, timestamp, value })
      input.time = Math.max(input.time, timestamp)
      input.lastKept = record
      input.next = record.offset + 1
      if (stream !== undefined) input.keptStreams.set(...stream)
      addTo(input.kept, next)
      if (entries > 0) input.times.add(input.kept.entries, input.time)
      input.queuedBytes -= record.value.length
      input.head++
      removeFrom(input.waiting, next, input.queue[input.head])
    }
    // Now and then, so that keeping a record costs the same however many wait.
    if (input.head * 2 <= input.queue.length) return
    input.queue = input.queue.slice(input.head)
    input.head = 0
  }

  #checkGenesis(input: Input, { source, entries: [first] }: Frame): void {
    const begins = input.kept.records + input.waiting.records === 0
    if (begins !== (source.kind === 'genesis'))
      throw new WrongCopyError(
        begins
          ? `the copy of ${inputKey(input)} does not begin with the log's first record`
          : `the copy of ${inputKey(input)} begins anew after ${input.kept.records + input.waiting.records} records`,
      )
    if (first?.entry.type !== 'genesis') return
    this.#log ??= first.entry.log
    if (first.entry.log !== this.#log)
      throw new WrongCopyError(`${inputKey(input)} is of log ${first.entry.log}, others are of ${this.#log}`)
  }

  /** The input of the shard that wrote a frame; a genesis frame follows from nothing. */
  #sender(input: Input, { source }: Frame): Input | undefined {
    if (source.kind === 'genesis') return undefined
    const sender = this.#readers.get(sourceKey(source))
    if (sender === undefined)
      throw new WrongCopyError(
        `${inputKey(input)} has entries of ${sourceKey(source)}: more shards than asked for`,
      )
    return sender
  }

  #input(name: InputName): Input {
    const input = this.#inputs.get(inputKey(name))
    invariant(input !== undefined, `${inputKey(name)} is no input of this exchange`)
    return input
  }
}

function newInput(
  {
    topic,
    partition,
    kind,
    remembered,
  }: InputName & { readonly kind: 'risk' | 'matching'; readonly remembered: number },
  from: InputPosition | undefined,
): Input {
  if (from !== undefined)
    invariant(inputKey(from) === inputKey({ topic, partition }), `a position of ${inputKey(from)}`)
  const resumed = [...(from?.streams ?? [])].map(
    ([source, stream]) => [source, InboundStream.resume(stream, stream.hash)] as const,
  )
  return {
    ...{ topic, partition, shard: sourceKey({ kind, shard: partition }) },
    ...{ recent: new RecentRecords(remembered), streams: new InboundStreams(resumed) },
    ...{ times: new InputTimes(from?.times), keptStreams: new Map(from?.streams) },
    ...{ lastKept: from?.last, next: from?.next ?? 0, kept: from ? { ...from.kept } : emptyTally() },
    ...{ waiting: emptyTally(), queue: [], head: 0, queuedBytes: 0, repeats: 0, time: from?.time ?? 0 },
  }
}

const identityOf = (last: CopiedRecord | NonNullable<InputPosition['last']>): InputPosition['last'] => ({
  timestamp: last.timestamp,
  hash: 'hash' in last ? last.hash : hashOf(last.value),
})

function standingOf({ streams }: Input, source: string): Waiting['stream'] {
  const stream = streams.of(source)
  if (stream === undefined) return undefined
  const { epoch, sequence, hash } = stream
  return [source, { epoch, sequence, hash }]
}

/**
 * The sender wrote its own log time into the entry: it must be that of the input that it names. A copy that lacks a
 * record, or repeats one unnoticed, or gives times of its own, cannot lead engines to the state that they had.
 */
function checkTime(
  input: Input,
  { sender, entry: { cause, time, sequence } }: NonNullable<Waiting['last']>,
): void {
  const copied = sender.times.at(cause)
  if (copied === undefined || copied === time) return
  throw new WrongCopyError(
    `${sender.shard} wrote entry ${sequence} into ${inputKey(input)} at ${time}, on input ${cause}, which the copy of ` +
      `${inputKey(sender)} has at ${copied}: records are missing or repeated there, or their times are the copy's`,
  )
}

const emptyTally = (): Tally => ({ records: 0, entries: 0, commands: 0, from: undefined, to: undefined })

function addTo(tally: Tally, { record: { timestamp }, entries, commands }: Waiting): void {
  tally.records++
  tally.entries += entries
  tally.commands += commands
  tally.from ??= timestamp
  tally.to = timestamp
}

function removeFrom(tally: Tally, { entries, commands }: Waiting, next: Waiting | undefined): void {
  tally.records--
  tally.entries -= entries
  tally.commands -= commands
  tally.from = next?.record.timestamp
  if (next === undefined) tally.to = undefined
}
