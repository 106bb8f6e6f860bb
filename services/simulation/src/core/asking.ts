import { refusalCodes, refusalOf } from '@bourse/domain/refusals'
import type { Entry, EntryOf, ReplyAddress } from '@bourse/protocol/entries'
import type { Gateway } from './gateway.ts'
import { Violation, type World } from './world.ts'

const TIMEOUT_MS = { min: 150, max: 700 }

export type Reply = EntryOf<'reply'>

/** A command in its client's own history: what was asked, how often, and what came back. */
export type Asked = {
  readonly name: string
  readonly shard: number
  /** Makes the command anew for each attempt: its id and content stay, address and deadline may not. */
  readonly build: (replyTo: ReplyAddress) => Entry
  readonly askedAt: number
  attempts: number
  answer: Reply | undefined
  /** The window in which the id is recognized may be over: its client looks it up and does not send it again. */
  givenUp: boolean
  readonly onAnswer: (reply: Reply) => void
}

/** Asks until there is an answer, with the same id each time, and holds every later answer against the first one. */
export class Asking {
  readonly history: Asked[] = []
  readonly #world: World
  readonly #gateways: readonly Gateway[]
  readonly #givesUpAfterMs: number

  constructor(world: World, gateways: readonly Gateway[], givesUpAfterMs: number) {
    this.#world = world
    this.#gateways = gateways
    this.#givesUpAfterMs = givesUpAfterMs
  }

  /** Commands that wait for an answer. */
  get open(): number {
    return this.history.filter(({ answer, givenUp }) => answer === undefined && !givenUp).length
  }

  ask(command: Pick<Asked, 'name' | 'shard' | 'build'> & Partial<Pick<Asked, 'onAnswer'>>): Asked {
    const asked: Asked = {
      ...{ onAnswer: () => undefined, ...command },
      ...{ askedAt: this.#world.now, attempts: 0, answer: undefined, givenUp: false },
    }
    this.history.push(asked)
    this.#attempt(asked)
    return asked
  }

  post(shard: number, entry: Entry): void {
    this.#world.random.pick(this.#gateways).post(shard, entry)
  }

  /** Whether the id of the command is surely still remembered. */
  isFresh({ askedAt }: Asked): boolean {
    return this.#world.now - askedAt < this.#givesUpAfterMs
  }

  #attempt(asked: Asked): void {
    const { random, timeline, story } = this.#world
    asked.attempts++
    story.tell(this.#world.now, () => `asks ${asked.name}, attempt ${asked.attempts}`)
    random.pick(this.#gateways).send(asked.shard, asked.build, (reply) => this.#hear(asked, reply))
    timeline.after(random.between(TIMEOUT_MS.min, TIMEOUT_MS.max), () => {
      if (asked.answer !== undefined) return
      if (!this.isFresh(asked)) {
        asked.givenUp = true
        return
      }
      if (asked.attempts === 1) this.#world.bit('lost_reply')
      this.#attempt(asked)
    })
  }

  #hear(asked: Asked, reply: Reply): void {
    const { answer } = asked
    if (reply.repeated) this.#world.bit('repeated_command')
    if (answer === undefined) {
      this.#world.story.tell(this.#world.now, () => `answer to ${asked.name}: ${inWords(reply)}`)
      asked.answer = reply
      asked.onAnswer(reply)
      return
    }
    if (sameOutcome(answer, reply)) return
    throw new Violation(`${asked.name} was answered ${inWords(answer)}, and then ${inWords(reply)}`)
  }
}

export const inWords = ({ refusal, orderId, account }: Reply): string =>
  refusal === 0 ? `order ${orderId}, account ${account}` : refusalOf(refusal)

function sameOutcome(a: Reply, b: Reply): boolean {
  // What is refused for want of room is not remembered, and may find room later.
  if (a.refusal === refusalCodes.limit_reached || b.refusal === refusalCodes.limit_reached) return true
  // A cancel was taken on; who waits for its result may hear instead that it came too late.
  const taken: readonly number[] = [0, refusalCodes.order_closed]
  if (taken.includes(a.refusal) && taken.includes(b.refusal)) return a.orderId === b.orderId
  return a.refusal === b.refusal && a.orderId === b.orderId
}
