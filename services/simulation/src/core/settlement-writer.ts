import type { Batch } from '@bourse/settlement/core/batch'
import type { MemoryLedger } from '@bourse/settlement/core/memory-ledger'
import { inputKey, type Input } from '@bourse/settlement/core/position'
import { SettlementStream, type StreamLimits } from '@bourse/settlement/core/settlement-stream'
import type { Log } from './log.ts'
import { Violation, type World } from './world.ts'

const POLL_MS = 20
const TRANSACTION_MS_MAX = 25
const RESTART_MS_MAX = 300
const PAUSE_MS_MAX = 1_500

type Reading = { stream: SettlementStream; fetchAt: number; writing: boolean }

/**
 * One instance of settlement. It reads every partition, as if a rebalance had just given it all of them and nobody had
 * told the others; the guarded offset row alone keeps two of them apart.
 */
export class SettlementWriter {
  readonly name: string
  readonly #world: World
  readonly #log: Log
  readonly #ledger: MemoryLedger
  readonly #inputs: readonly Input[]
  readonly #limits: StreamLimits
  #readings = new Map<string, Reading>()
  #life = 0
  #pausedUntil = 0

  constructor(
    name: string,
    parts: {
      readonly world: World
      readonly log: Log
      readonly ledger: MemoryLedger
      readonly inputs: readonly Input[]
      readonly limits: StreamLimits
    },
  ) {
    this.name = name
    this.#world = parts.world
    this.#log = parts.log
    this.#ledger = parts.ledger
    this.#inputs = parts.inputs
    this.#limits = parts.limits
    this.#restart()
    const { crashMs, pauseMs } = this.#world.weather
    this.#world.every(POLL_MS, () => (this.#poll(), true))
    if (crashMs > 0) this.#world.every(crashMs, () => this.#crash())
    if (pauseMs > 0) this.#world.every(pauseMs, () => this.#pause())
  }

  #poll(): void {
    if (this.#world.now < this.#pausedUntil) return
    for (const input of this.#inputs) {
      const reading = this.#reading(input)
      const records = this.#log.fetch(input.topic, input.partition, reading.fetchAt)
      reading.fetchAt += records.length
      for (const record of records) reading.stream.read(record)
      this.#write(reading)
    }
  }

  /** One transaction at a time per partition. The next batch is looked at once the last one was applied. */
  #write(reading: Reading): void {
    if (reading.writing) return
    const batch = reading.stream.take()
    if (batch === undefined) return
    if (batch.entries > this.#limits.batchEntriesMax)
      throw new Violation(`a batch of ${batch.entries} entries`)
    reading.writing = true
    const life = this.#life
    const { timeline, random } = this.#world
    timeline.after(random.between(1, TRANSACTION_MS_MAX), () => {
      if (life !== this.#life && random.perMille(500)) return
      const applied = this.#ledger.apply(batch)
      timeline.after(random.between(0, TRANSACTION_MS_MAX), () => this.#answer(reading, batch, life, applied))
    })
  }

  #answer(reading: Reading, batch: Batch, life: number, applied: 'applied' | 'fenced'): void {
    reading.writing = false
    if (life !== this.#life) {
      if (applied === 'applied') this.#world.bit('settlement_unknown')
      return
    }
    if (applied === 'applied') return
    this.#world.bit('settlement_fenced')
    this.#world.story.tell(this.#world.now, () => `${this.name} is fenced off ${inputKey(batch.input)}`)
    this.#readings.set(inputKey(batch.input), this.#begin(batch.input))
  }

  #crash(): boolean {
    if (this.#world.weather.crashMs === 0) return false
    this.#world.faults.settlement_crash.drawn++
    this.#world.bit('settlement_crash')
    this.#world.faults.settlement_unknown.drawn++
    this.#world.story.tell(this.#world.now, () => `${this.name} crashes`)
    this.#pausedUntil = this.#world.now + this.#world.random.between(10, RESTART_MS_MAX)
    this.#restart()
    return true
  }

  #pause(): boolean {
    if (this.#world.weather.pauseMs === 0) return false
    this.#world.faults.settlement_fenced.drawn++
    this.#pausedUntil = this.#world.now + this.#world.random.between(10, PAUSE_MS_MAX)
    return true
  }

  #restart(): void {
    this.#life++
    this.#readings = new Map(this.#inputs.map((input) => [inputKey(input), this.#begin(input)]))
  }

  #begin(input: Input): Reading {
    const position = this.#ledger.position(input)
    const stream = new SettlementStream(input, position, this.#limits)
    return { stream, fetchAt: Math.max(0, position.nextOffset - 1), writing: false }
  }

  #reading(input: Input): Reading {
    const reading = this.#readings.get(inputKey(input))
    if (reading === undefined) throw new Error(`${inputKey(input)} is not read`)
    return reading
  }
}
