import assert from 'node:assert/strict'
import { orderId, shardOfAccount } from '@bourse/domain/ids'
import { refusalOf } from '@bourse/domain/refusals'
import { lots, ticks } from '@bourse/domain/units'
import type { Entry, EntryOf, EntryType, SymbolState } from '@bourse/protocol/entries'
import { account, apply, listing, newShard, OrdersIn, topology, written, type Written } from './orders-in.ts'

const customers = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay']
const SYMBOL = 1
/** Log time of a table's first line; every line is one millisecond later. */
const BEGIN = 1_000

/**
 * Runs a table of `command -> what matching wrote` through a shard, as frames. One line is one command:
 *
 *     lists 1                          risk shard 1 knows the symbol
 *     state halted                     an operator's command, through risk shard 0
 *     order s1 ann sell 101 5          a GTC limit order; then `ioc`, `fok`, `post`, `late` as wanted
 *     order m1 bob buy market 5        by quantity; `market 5 for 500` and `market for 500` have a budget
 *     cancel s1 ann
 *
 * ann, cat and eve are customers of risk shard 0, bob, dan and fay of risk shard 1.
 */
export class RuleTable {
  readonly #shown: ReadonlySet<EntryType>
  readonly #shard = newShard()
  readonly #input = new OrdersIn()
  readonly #names = new Map<number, string>()
  #now = BEGIN

  /** @param shown the kinds of entries that the table speaks of */
  constructor(...shown: readonly EntryType[]) {
    this.#shown = new Set(shown)
  }

  /** Checks every line of a table against a symbol that is open. */
  verify(table: string): void {
    this.#input.listings([SYMBOL]).forEach((record) => apply(this.#shard, record))
    this.verifyFromStart(table)
  }

  /** Checks every line of a table, listing included. */
  verifyFromStart(table: string): void {
    const lines = table
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    const actual = lines.map((line) => this.#run(line.split('->')[0] ?? ''))
    assert.deepEqual(actual, lines.map(normalized))
  }

  #run(command: string): string {
    const words = command.trim().split(/\s+/)
    const { riskShard, entry } = this.#read(words)
    const effects = apply(this.#shard, this.#input.record(riskShard, [entry], this.#now++))
    const events = written(effects).filter(({ entry: { type } }) => this.#shown.has(type))
    return `${words.join(' ')} -> ${events.map((event) => this.#tell(event)).join(', ')}`
  }

  #read([verb, ...words]: readonly string[]): { riskShard: number; entry: Entry } {
    switch (verb) {
      case 'lists':
        return {
          riskShard: Number(words[0]),
          entry: { type: 'symbolListed', listing: listing(SYMBOL), riskShards: topology.riskShards },
        }
      case 'state':
        return {
          riskShard: 0,
          entry: { type: 'symbolStateChanged', symbol: SYMBOL, state: words[0] as SymbolState },
        }
      case 'cancel': {
        const owner = customer(words[1])
        const entry = {
          type: 'cancel',
          orderId: this.#id(words[0], words[1]),
          account: owner,
          symbol: SYMBOL,
        } as const
        return { riskShard: shardOfAccount(owner), entry }
      }
      case 'order':
        return this.#readOrder(words)
      default:
        throw new Error(`no such command: ${verb}`)
    }
  }

  #readOrder([name, who, side, price, ...rest]: readonly string[]): {
    riskShard: number
    entry: EntryOf<'order'>
  } {
    const owner = customer(who)
    const market = price === 'market'
    const budgetAt = rest.indexOf('for')
    const entry: EntryOf<'order'> = {
      type: 'order',
      orderId: this.#id(name, who),
      account: owner,
      symbol: SYMBOL,
      createdAt: this.#now,
      side: side === 'buy' ? 'buy' : 'sell',
      kind: market ? 'market' : 'limit',
      timeInForce: rest.includes('fok') ? 'fok' : rest.includes('ioc') ? 'ioc' : 'gtc',
      postOnly: rest.includes('post'),
      price: ticks(market ? 0 : Number(price)),
      quantity: lots(budgetAt === 0 ? 0 : Number(rest[0])),
      budget: budgetAt < 0 ? 0 : Number(rest[budgetAt + 1]),
      deadline: rest.includes('late') ? this.#now - 1 : 0,
    }
    return { riskShard: shardOfAccount(owner), entry }
  }

  /** An order's id by its name: the same name is the same id. */
  #id(name = '', who = ''): number {
    const known = [...this.#names].find(([, other]) => other === name)
    if (known !== undefined) return known[0]
    const id = orderId(shardOfAccount(customer(who)), this.#names.size + 1)
    this.#names.set(id, name)
    return id
  }

  #tell({ to, entry }: Written): string {
    const name = (id: number): string => this.#names.get(id) ?? `order ${id}`
    switch (entry.type) {
      case 'trade':
        return `trade ${name(entry.makerOrderId)} ${name(entry.takerOrderId)} ${entry.price} ${entry.quantity}`
      case 'fill': {
        const budget = entry.budget > 0 ? ` budget ${entry.budget}` : ''
        const flags = `${entry.filled ? ' filled' : ''}${entry.last ? ' last' : ''}`
        const fill = `${entry.price} ${entry.quantity} left ${entry.remaining}`
        return `${to} ${entry.role} ${name(entry.orderId)} #${entry.tradeId} ${fill}${budget}${flags}`
      }
      case 'rested':
        return `rested ${name(entry.orderId)} ${entry.remaining}`
      case 'closed':
        return `closed ${name(entry.orderId)} ${entry.remaining} ${entry.reason === 0 ? 'done' : refusalOf(entry.reason)}`
      case 'level':
        return `#${entry.update} ${entry.side} ${entry.price} ${entry.quantity}`
      case 'symbolListed':
        return `${to} listed`
      case 'symbolStateChanged':
        return `${to} ${entry.state}`
      default:
        throw new Error(`matching wrote ${entry.type}`)
    }
  }
}

const normalized = (line: string): string => line.replaceAll(/\s+/g, ' ').replace(/ ?->$/, ' -> ')

function customer(name = ''): number {
  const index = customers.indexOf(name)
  if (index < 0) throw new Error(`no such customer: ${name}`)
  return account(index)
}
