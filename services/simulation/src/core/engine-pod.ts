import type { Machine } from '@bourse/protocol/shard'
import { EngineRun, type EngineKind, type EngineSurroundings } from './engine-run.ts'
import type { Group } from './group.ts'
import type { World } from './world.ts'

const RESTART_MS_MAX = 500
const PAUSE_MS_MAX = 2_500

/** A pod: one run after the other, each started when the last one ended. */
export class EnginePod<M extends Machine> {
  run: EngineRun<M>
  readonly #world: World
  readonly #makeRun: (onExit: (why: string) => void) => EngineRun<M>
  #busy = false

  constructor(name: string, kind: EngineKind<M>, group: Group, around: EngineSurroundings) {
    let life = 0
    this.#world = around.world
    this.#makeRun = (onExit) => new EngineRun(`${name}.${++life}`, kind, group, around, onExit)
    this.run = this.#start()
    this.#disturb('crashMs', () => this.#crash())
    this.#disturb('pauseMs', () => this.#pause())
    this.#disturb('restartMs', () => this.#drain())
  }

  /** Nothing disturbs it any more: it is up, awake and a member. */
  get steady(): boolean {
    return this.run.responsive && this.run.joined && !this.#busy
  }

  #start(): EngineRun<M> {
    const run = this.#makeRun((why) => {
      this.#world.story.tell(this.#world.now, () => `${run.name} ends itself: ${why}`)
      this.#end(run)
    })
    run.start()
    return run
  }

  #end(run: EngineRun<M>): void {
    run.crash()
    const { timeline, random } = this.#world
    timeline.after(random.between(10, RESTART_MS_MAX), () => (this.run = this.#start()))
  }

  #crash(): void {
    this.#world.faults.crash.drawn++
    this.#world.story.tell(this.#world.now, () => `${this.run.name} crashes`)
    this.#end(this.run)
  }

  #pause(): void {
    const { run } = this
    const { timeline, random } = this.#world
    this.#world.faults.zombie.drawn++
    this.#busy = true
    run.pause()
    const ms = random.between(20, PAUSE_MS_MAX)
    this.#world.story.tell(this.#world.now, () => `${run.name} stops for ${ms} ms`)
    timeline.after(ms, () => {
      this.#busy = false
      this.#world.story.tell(this.#world.now, () => `${run.name} wakes up`)
      run.wake()
    })
  }

  #drain(): void {
    const { run } = this
    this.#busy = true
    this.#world.story.tell(this.#world.now, () => `${run.name} is asked to end`)
    run.drain(() => {
      this.#busy = false
      this.#end(run)
    })
    this.#world.timeline.after(PAUSE_MS_MAX, () => (this.#busy = false))
  }

  #disturb(how: 'crashMs' | 'pauseMs' | 'restartMs', disturb: () => void): void {
    const mean = this.#world.weather[how]
    if (mean === 0) return
    this.#world.every(mean, () => {
      const stormy = this.#world.weather[how] > 0
      if (stormy && this.run.responsive && !this.#busy) disturb()
      return stormy
    })
  }
}
