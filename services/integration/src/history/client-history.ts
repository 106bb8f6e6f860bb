import assert from 'node:assert/strict'
import { isIndefinite, type Asked } from '@bourse/load-tests/ask-again'
import { orderIdOf } from '@bourse/load-tests/exchange-client'
import type { MarketRules, Trader } from '@bourse/load-tests/market'
import type { Database } from '@bourse/platform/postgres'
import { disagreements } from './disagreements.ts'
import { exact } from './exact.ts'
import { askFinalState } from './final-state.ts'
import { readLedger } from './ledger-state.ts'
import {
  fillsPage,
  ordersPage,
  resultIn,
  type CancelCommand,
  type Command,
  type Deposit,
  type OrderCommand,
  type ToldFill,
  type ToldResult,
  type ToldState,
} from './record.ts'

const SHOWN_MAX = 20

/** What clients write down of everything they ask and are told, from an exchange's beginning on. */
export class ClientHistory {
  readonly commands: Command[] = []
  readonly #traders: readonly Trader[]
  readonly #rules: MarketRules
  readonly #deposits: readonly Deposit[]
  readonly #fillLists: (readonly ToldFill[])[] = []
  readonly #states: ToldState[] = []
  readonly #results: ToldResult[] = []

  /** @param funds what each trader was given, by asset */
  constructor({
    traders,
    funds,
    rules,
  }: {
    traders: readonly Trader[]
    funds: Readonly<Record<string, string>>
    rules: MarketRules
  }) {
    this.#traders = traders
    this.#rules = rules
    this.#deposits = traders.flatMap(({ account }) =>
      Object.entries(funds).map(([asset, amount]) => ({ account, asset, amount: exact(amount) })),
    )
  }

  /** How often a fill was told while trading went on. */
  get fillsTold(): number {
    return [...this.#fillLists, ...this.#results.map(({ fills }) => fills)].flat().length
  }

  placed(command: Omit<OrderCommand, 'kind' | 'answers'>): OrderCommand {
    return this.#sent({ ...command, kind: 'order', answers: [] })
  }

  cancelled(command: Omit<CancelCommand, 'kind' | 'answers'>): CancelCommand {
    return this.#sent({ ...command, kind: 'cancel', answers: [] })
  }

  /** Notes an answer, and the state and fills it tells. Without an outcome there is nothing to note. */
  answered(command: Command, { answer, indefinite }: Asked): void {
    if (isIndefinite(answer)) return
    const first = command.answers.length === 0
    const accepted = answer.code === 'accepted'
    command.answers.push({ outcome: answer.code, ...(accepted && { orderId: orderIdOf(answer) }) })
    const result = accepted ? resultIn(answer.body) : undefined
    if (result === undefined) return
    // An order that is asked for again while it is open is answered without the fills that were told before.
    if (command.kind === 'cancel' || (first && indefinite.length === 0)) this.#results.push(result)
    else {
      this.#states.push(result.state)
      this.#fillLists.push(result.fills)
    }
  }

  /** Looks at an account's newest fills and orders, as clients do, and notes what is shown. Returns the codes of reads that failed. */
  async look({ client }: Trader): Promise<readonly string[]> {
    const [fills, orders] = [
      await client.get('/api/v1/fills?limit=50'),
      await client.get('/api/v1/orders?limit=50'),
    ]
    if (fills.code === 'accepted') this.#fillLists.push(fillsPage.parse(fills.body).fills)
    if (orders.code === 'accepted') this.#states.push(...ordersPage.parse(orders.body).orders)
    return [fills, orders].filter(({ code }) => code !== 'accepted').map(({ code }) => code)
  }

  /** Asks for the final state of everything, and compares all that was ever told with the ledger. */
  async assertAgrees(sql: Database): Promise<void> {
    const record = {
      ...{ commands: this.commands, deposits: this.#deposits, final: await askFinalState(this.#traders) },
      ...{ fillLists: this.#fillLists, states: this.#states, results: this.#results },
    }
    const accounts = this.#traders.map(({ account }) => account)
    const found = disagreements(record, await readLedger(sql, accounts), this.#rules)
    assert.deepEqual(found.slice(0, SHOWN_MAX), [], `${found.length} disagreements of clients and ledger`)
  }

  #sent<Sent extends Command>(command: Sent): Sent {
    this.commands.push(command)
    return command
  }
}
