import { sequenceOfOrder } from '@bourse/domain/ids'
import { refusalCodes } from '@bourse/domain/refusals'
import type { FramedEntry } from '@bourse/protocol/frame'
import type { MemoryLedger } from '@bourse/settlement/core/memory-ledger'
import { inWords } from '../asking.ts'
import type { Exchange } from '../exchange.ts'
import type { Remembered, Trader } from '../trader.ts'
import { Violation, type World } from '../world.ts'

/** What risk stated and what the ledger has, by account and command id. */
type Facts = {
  readonly orders: ReadonlyMap<string, readonly number[]>
  readonly postings: ReadonlyMap<string, number>
}

/**
 * The clients' own histories against risk's facts and the ledger's rows: what was acknowledged exists exactly once,
 * what was refused does not exist, and nothing exists that nobody asked for.
 */
export function checkHistories(
  { traders, ledger, world, past }: Pick<Exchange, 'traders' | 'ledger' | 'world' | 'past'>,
  riskOut: readonly FramedEntry[],
): void {
  const stated = factsOf(riskOut)
  const kept = rowsOf(ledger)
  const asked = new Set(past.asked)
  for (const remembered of traders.flatMap(({ history }) => history)) {
    if (remembered.isProbe) continue
    const key = keyOf(remembered.command)
    asked.add(key)
    checkOnce(remembered, key, stated, 'risk')
    checkOnce(remembered, key, kept, 'the ledger')
    checkEffect(remembered, ledger, world)
  }
  for (const key of [...stated.orders.keys(), ...stated.postings.keys()]) {
    if (!asked.has(key)) throw new Violation(`nobody asked for ${key}`)
  }
  checkAccounts(traders, ledger, past.owners)
}

function checkOnce({ command, asked }: Remembered, key: string, facts: Facts, where: string): void {
  if (command.type === 'cancelOrder' || command.type === 'cancelAll') return
  const orders = facts.orders.get(key) ?? []
  const times = orders.length + (facts.postings.get(key) ?? 0)
  const { answer } = asked
  const expected = answer === undefined ? Math.min(times, 1) : answer.refusal === 0 ? 1 : 0
  if (times !== expected) {
    const outcome = answer === undefined ? 'never answered' : `answered ${inWords(answer)}`
    throw new Violation(`${asked.name} was ${outcome}, and is ${times} times in ${where}`)
  }
  if (answer !== undefined && orders.length > 0 && orders[0] !== answer.orderId)
    throw new Violation(`${asked.name} was answered order ${answer.orderId}, ${where} has ${orders.join()}`)
}

/** An acknowledged cancel leaves no order open; a result that was told is what the ledger says. */
function checkEffect(
  { command, asked: { name, answer } }: Remembered,
  ledger: MemoryLedger,
  world: World,
): void {
  if (answer === undefined || answer.refusal !== 0) return
  if (command.type === 'cancelOrder' && ledger.orders.get({ orderId: command.orderId }).status === 'open')
    throw new Violation(`${name}: order ${command.orderId} is still open`)
  if (command.type === 'cancelAll' && !answer.repeated) {
    for (const { orderId, account, symbol, status, reason } of ledger.orders.rows()) {
      const meant = account === command.account && (command.symbol === 0 || command.symbol === symbol)
      if (!meant || sequenceOfOrder(orderId) > answer.position) continue
      if (status === 'open') throw new Violation(`${name}: order ${orderId} is still open`)
      if (reason === refusalCodes.cancelled) world.bit('mass_cancel')
    }
  }
  const { result } = answer
  if (command.type !== 'placeOrder' || result === undefined) return
  const order = ledger.orders.get({ orderId: answer.orderId })
  const told = result.fills.reduce((sum, { quantity }) => sum + quantity, 0)
  if ((!answer.repeated && told !== result.filledQuantity) || result.filledQuantity > order.filledQuantity)
    throw new Violation(
      `${name}: ${told} of ${result.filledQuantity} lots told, ${order.filledQuantity} in the ledger`,
    )
  if (
    result.status !== 'open' &&
    (order.status !== result.status || order.filledQuote !== result.filledQuote)
  )
    throw new Violation(`${name}: it ended ${result.status}, the ledger says ${order.status}`)
}

function checkAccounts(traders: readonly Trader[], ledger: MemoryLedger, ownersBefore: number): void {
  const rows = ledger.accounts.rows().length
  const opened = traders.filter(({ account }) => account !== undefined)
  for (const { account } of opened) {
    if (account !== undefined && ledger.accounts.find({ account }) === undefined)
      throw new Violation(`account ${account} was opened and is not in the ledger`)
  }
  const owners = traders.length + ownersBefore
  if (rows > owners || rows < opened.length) throw new Violation(`${rows} accounts for ${owners} owners`)
}

function factsOf(riskOut: readonly FramedEntry[]): Facts {
  const orders = new Map<string, number[]>()
  const postings = new Map<string, number>()
  for (const { entry } of riskOut) {
    if (entry.type === 'orderAccepted')
      push(orders, `place ${entry.account} ${entry.commandId}`, entry.orderId)
    if (entry.type === 'posting') count(postings, `funds ${entry.account} ${entry.reference}`)
  }
  return { orders, postings }
}

function rowsOf(ledger: MemoryLedger): Facts {
  const orders = new Map<string, number[]>()
  const postings = new Map<string, number>()
  for (const { account, commandId, orderId } of ledger.orders.rows())
    push(orders, `place ${account} ${commandId}`, orderId)
  for (const { account, kind, reference } of ledger.journal.rows()) {
    if (kind !== 'fill') count(postings, `funds ${account} ${reference}`)
  }
  return { orders, postings }
}

export const keyOf = ({ type, account, commandId }: Remembered['command']): string =>
  `${type === 'deposit' || type === 'withdraw' ? 'funds' : 'place'} ${account} ${commandId}`

function push(lists: Map<string, number[]>, key: string, value: number): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

const count = (counts: Map<string, number>, key: string): void =>
  void counts.set(key, (counts.get(key) ?? 0) + 1)
