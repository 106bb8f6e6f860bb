import type { Sender } from '@bourse/platform/engine/partition-runner'
import type { IsZombie, Log } from './log.ts'
import type { World } from './world.ts'

const FLIGHT_MS_MAX = 12
/** An idempotent producer gives a record up after this long. */
const TIMEOUT_MS = 150
const REPEAT_MS_MAX = 60

/** A record that was given up: it may have reached the log or not, and its sender cannot know. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly reached: boolean
  constructor(where: string, reached: boolean) {
    super(`a record for ${where} was not acknowledged`)
    this.reached = reached
  }
}

type Delivered = (error: Error | undefined) => void
type Lane = { arrival: number; cutAt: number }

/**
 * One process's connection to the brokers: records of one partition arrive in the order in which they were sent, each
 * after a while of its own. Some never arrive, some arrive and are never acknowledged, some are appended twice, later.
 */
export class SimulatedProducer implements Sender {
  readonly #world: World
  readonly #log: Log
  readonly #isZombie: IsZombie
  readonly #lanes = new Map<string, Lane>()
  /** Hands an outcome to the process when it runs again. */
  readonly #whenRunning: (run: () => void) => void
  #inFlight = 0

  constructor(world: World, log: Log, isZombie: IsZombie, whenRunning: (run: () => void) => void) {
    this.#world = world
    this.#log = log
    this.#isZombie = isZombie
    this.#whenRunning = whenRunning
  }

  /** Records neither appended nor given up. */
  get inFlight(): number {
    return this.#inFlight
  }

  send(topic: string, partition: number, value: Buffer, onDelivered: Delivered): void {
    const { timeline, random, weather } = this.#world
    const lane = this.#lane(topic, partition)
    const arrival = Math.max(lane.arrival, timeline.now + random.between(1, FLIGHT_MS_MAX))
    lane.arrival = arrival
    this.#inFlight++
    const lost = this.#world.draws('lost_frame', weather.lostFrame)
    timeline.after(arrival - timeline.now, () => {
      this.#inFlight--
      if (timeline.now >= lane.cutAt) return
      if (lost) this.#fail(new DeliveryError(`${topic}/${partition}`, false), onDelivered)
      else this.#arrive(topic, partition, value, onDelivered)
    })
  }

  /** The process is gone. What is under way still arrives or does not, partition by partition. */
  cut(): void {
    const { random, timeline } = this.#world
    for (const lane of this.#lanes.values()) {
      if (random.perMille(600))
        lane.cutAt = Math.min(lane.cutAt, timeline.now + random.between(0, FLIGHT_MS_MAX))
    }
  }

  #arrive(topic: string, partition: number, value: Buffer, onDelivered: Delivered): void {
    const { timeline, random, weather } = this.#world
    this.#log.append(topic, partition, value, this.#isZombie(value) ? 'zombie' : 'once')
    if (this.#world.draws('repeated_record', weather.repeatedRecord)) {
      timeline.after(random.between(1, REPEAT_MS_MAX), () =>
        this.#log.append(topic, partition, value, 'twice'),
      )
    }
    if (this.#world.draws('lost_acknowledgement', weather.lostAcknowledgement)) {
      return this.#fail(new DeliveryError(`${topic}/${partition}`, true), onDelivered)
    }
    timeline.after(random.between(1, FLIGHT_MS_MAX), () => this.#whenRunning(() => onDelivered(undefined)))
  }

  #fail(error: DeliveryError, onDelivered: Delivered): void {
    const { timeline, random } = this.#world
    timeline.after(random.between(1, TIMEOUT_MS), () => this.#whenRunning(() => onDelivered(error)))
  }

  #lane(topic: string, partition: number): Lane {
    const key = `${topic}/${partition}`
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = { arrival: 0, cutAt: Infinity }
      this.#lanes.set(key, lane)
    }
    return lane
  }
}
