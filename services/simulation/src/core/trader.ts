import { shardOfAccount } from '@bourse/domain/ids'
import { quoteUnit, baseUnit, type Listing } from '@bourse/domain/listing'
import { refusalCodes } from '@bourse/domain/refusals'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf, ReplyAddress } from '@bourse/protocol/entries'
import type { Asked, Asking, Reply } from './asking.ts'
import type { Log } from './log.ts'
import { REFERENCE_PRICE, type Market } from './market.ts'
import { Violation, type World } from './world.ts'

export type ClientCommand =
  | EntryOf<'placeOrder'>
  | EntryOf<'cancelOrder'>
  | EntryOf<'cancelAll'>
  | EntryOf<'deposit'>
  | EntryOf<'withdraw'>

/** A command as its client remembers it, for good. */
export type Remembered = { readonly asked: Asked; readonly command: ClientCommand; readonly isProbe: boolean }

const UNANSWERED_MAX = 3
const LATE_MS = 60_000

/** A client with one account: funds it, trades, cancels, asks again when no answer comes, and remembers everything. */
export class Trader {
  readonly history: Remembered[] = []
  readonly #world: World
  readonly #log: Log
  readonly #asking: Asking
  readonly #market: Market
  readonly #owner: string
  readonly #orderIds: number[] = []
  readonly #openingShard: number
  account: number | undefined
  #count = 0

  constructor(parts: {
    readonly world: World
    readonly log: Log
    readonly asking: Asking
    readonly market: Market
    readonly owner: string
    readonly shard: number
  }) {
    this.#world = parts.world
    this.#log = parts.log
    this.#asking = parts.asking
    this.#market = parts.market
    this.#owner = parts.owner
    this.#openingShard = parts.shard
    this.#open()
  }

  act(): void {
    const { account } = this
    const { random } = this.#world
    if (account === undefined || this.#market.listings.length === 0) return
    const unanswered = this.history.filter(({ asked }) => asked.answer === undefined && !asked.givenUp)
    if (unanswered.length >= UNANSWERED_MAX) return
    const listing = random.pick(this.#market.listings)
    const draw = random.below(100)
    if (this.history.length < 4 || draw < 8) return this.#moveFunds(account, listing)
    if (draw < 12) return this.#probe()
    if (draw < 26) return this.#cancel(account)
    if (draw < 29) return this.#cancelAll(account, random.pick([0, listing.symbol]))
    this.#place(account, listing)
  }

  #open(): void {
    const owner = this.#owner
    this.#asking.ask({
      name: `${owner} opens an account`,
      shard: this.#openingShard,
      build: (replyTo) => ({ type: 'openAccount', owner, replyTo }),
      onAnswer: ({ account }) => {
        if (shardOfAccount(account) !== this.#openingShard) throw new Violation('an account of another shard')
        this.account = account
      },
    })
  }

  #moveFunds(account: number, listing: Listing): void {
    const { random } = this.#world
    const { asset, unit } = random.pick([
      { asset: listing.base.asset, unit: baseUnit(listing) * 40n },
      { asset: listing.quote.asset, unit: quoteUnit(listing) * 4_000n },
    ])
    const type = this.history.length >= 4 && random.perMille(300) ? 'withdraw' : 'deposit'
    const amount = unit * BigInt(random.between(1, 12)) + BigInt(random.between(0, 3))
    this.#ask(account, (base) => ({ ...base, type, asset, amount }))
  }

  #place(account: number, { symbol }: Listing): void {
    const { random } = this.#world
    const draw = random.below(100)
    const side = random.pick(['buy', 'sell'] as const)
    const limit = draw < 80
    const byFunds = !limit && draw < 90
    const near = random.perMille(980) ? random.between(-4, 4) : random.between(-60, 60)
    const terms = {
      ...{ symbol, side, kind: limit ? ('limit' as const) : ('market' as const) },
      timeInForce: limit ? random.pick(['gtc', 'gtc', 'gtc', 'gtc', 'ioc', 'fok'] as const) : 'ioc',
      postOnly: limit && random.perMille(120),
      price: ticks(limit ? REFERENCE_PRICE + near : 0),
      quantity: lots(byFunds ? 0 : random.between(1, 30)),
      funds: byFunds ? BigInt(random.between(100, 250_000)) * 100n : 0n,
      wantResult: random.perMille(300),
    } as const
    this.#ask(
      account,
      (base) => ({ ...base, type: 'placeOrder', ...terms }),
      ({ refusal, orderId }) => {
        if (refusal === 0) this.#orderIds.push(orderId)
        if (refusal === refusalCodes.expired) this.#world.bit('expired')
      },
    )
  }

  #cancel(account: number): void {
    const { random } = this.#world
    if (this.#orderIds.length === 0) return
    const recent = this.#orderIds.slice(-6)
    const orderId = random.pick(recent)
    const wantResult = random.perMille(300)
    this.#ask(account, (base) => ({ ...base, type: 'cancelOrder', orderId, wantResult }))
  }

  #cancelAll(account: number, symbol: number): void {
    this.#world.faults.mass_cancel.drawn++
    this.#ask(account, (base) => ({ ...base, type: 'cancelAll', symbol }))
  }

  /** Sends an id that was answered once more, with other content: it must be refused and change nothing. */
  #probe(): void {
    const candidates = this.history.filter(({ asked, isProbe }) => {
      const remembered = asked.answer !== undefined && asked.answer.refusal !== refusalCodes.limit_reached
      return remembered && !isProbe && this.#asking.isFresh(asked)
    })
    if (candidates.length === 0) return
    const { command } = this.#world.random.pick(candidates)
    const other = altered(command)
    this.#world.faults.other_content.drawn++
    const asked = this.#asking.ask({
      name: `${this.#owner}: ${command.type} ${command.commandId} with other content`,
      shard: this.#openingShard,
      build: (replyTo) => ({ ...other, replyTo }),
      onAnswer: ({ refusal }) => {
        if (refusal !== refusalCodes.duplicate_with_other_content)
          throw new Violation(`${command.type} ${command.commandId} was taken with other content`)
        this.#world.bit('other_content')
      },
    })
    this.history.push({ asked, command: other, isProbe: true })
  }

  #ask(
    account: number,
    build: (base: Base) => ClientCommand,
    onAnswer: (reply: Reply) => void = () => undefined,
  ): void {
    const commandId = `${this.#owner}-${++this.#count}`
    const { random } = this.#world
    const late = random.perMille(30)
    if (late) this.#world.faults.expired.drawn++
    // An attempt's deadline is no part of the command: each may have its own.
    const deadline = (): number => {
      if (late) return this.#log.time - LATE_MS
      return random.perMille(500) ? 0 : this.#log.time + random.between(20, 2_000)
    }
    const noReply = { partition: 0, instance: 0, request: 0 }
    const command = build({ account, commandId, deadline: 0, replyTo: noReply })
    const asked = this.#asking.ask({
      name: `${this.#owner}: ${command.type} ${commandId}`,
      shard: this.#openingShard,
      build: (replyTo: ReplyAddress): Entry => ({ ...command, deadline: deadline(), replyTo }),
      onAnswer,
    })
    this.history.push({ asked, command, isProbe: false })
  }
}

type Base = {
  readonly account: number
  readonly commandId: string
  readonly deadline: number
  readonly replyTo: ReplyAddress
}

/** The same command with one thing changed that is content. */
function altered(command: ClientCommand): ClientCommand {
  switch (command.type) {
    case 'placeOrder':
      return { ...command, side: command.side === 'buy' ? 'sell' : 'buy' }
    case 'cancelOrder':
      return { ...command, orderId: command.orderId + 1 }
    case 'cancelAll':
      return { ...command, symbol: command.symbol + 1 }
    case 'deposit':
    case 'withdraw':
      return { ...command, amount: command.amount + 1n }
  }
}
