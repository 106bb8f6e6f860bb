import { invariant } from '@bourse/domain/result'
import { shardOfAccount } from '@bourse/domain/ids'
import type { Entry, EntryOf, Leg } from '@bourse/protocol/entries'
import type { FramedEntry } from '@bourse/protocol/frame'
import { LedgerError } from './ledger.ts'
import { inputKey, type Input, type Position, type RunningTotals } from './position.ts'
import type {
  AccountRow,
  AssetRow,
  BalanceRow,
  CheckpointRow,
  FillRow,
  JournalRow,
  OrderChange,
  OrderRow,
  SymbolRow,
  SymbolStateRow,
  TradeRow,
} from './rows.ts'

/** What one transaction writes: everything that follows from the entries between two positions of one partition. */
export type Batch = {
  readonly input: Input
  /** Where the partition must stand for this batch to count. */
  readonly before: Position
  readonly after: Position
  readonly entries: number
  readonly assets: readonly AssetRow[]
  readonly symbols: readonly SymbolRow[]
  readonly fees: readonly FeesChange[]
  readonly symbolStates: readonly SymbolStateRow[]
  readonly accounts: readonly AccountRow[]
  /** Accepted in this batch, as they are at its end. */
  readonly orders: readonly OrderRow[]
  /** Accepted before; one change each. */
  readonly orderChanges: readonly OrderChange[]
  readonly fills: readonly FillRow[]
  readonly trades: readonly TradeRow[]
  readonly journal: readonly JournalRow[]
  /** To be added to the balances; one row per account and asset, in this order, so that writers never deadlock. */
  readonly balances: readonly BalanceRow[]
  readonly checkpoints: readonly CheckpointRow[]
  /** The batch ends with a checkpoint that the sums over all rows must meet as well. */
  readonly sum: boolean
  /** The batch ends with a reconciliation's marker: the partition's state is to be copied. */
  readonly marker: number | undefined
}

export type FeesChange = Pick<SymbolRow, 'symbol' | 'makerFeePpm' | 'takerFeePpm'>

const ASSETS = 2 ** 16

/** Collects a batch entry by entry. Entries must come in order, each once. */
export class BatchDraft {
  readonly #input: Input
  readonly #running: RunningTotals
  readonly #assets: AssetRow[] = []
  readonly #symbols: SymbolRow[] = []
  readonly #fees = new Map<number, FeesChange>()
  readonly #symbolStates = new Map<number, SymbolStateRow>()
  readonly #accounts: AccountRow[] = []
  readonly #orders = new Map<number, OrderRow>()
  readonly #orderChanges = new Map<number, OrderChange>()
  readonly #fills: FillRow[] = []
  readonly #trades: TradeRow[] = []
  readonly #journal: JournalRow[] = []
  readonly #balances = new Map<number, BalanceRow>()
  readonly #checkpoints: CheckpointRow[] = []
  #entries = 0
  #marker: number | undefined

  constructor(input: Input, running: RunningTotals) {
    this.#input = input
    this.#running = running
  }

  get entries(): number {
    return this.#entries
  }

  /** Takes the next entry. Throws a LedgerError for a checkpoint that says something else than the entries before it. */
  add(framed: FramedEntry): void {
    this.#entries++
    if (this.#input.topic === 'risk.out') this.#addFromRisk(framed, framed.entry)
    else this.#addFromMatching(framed, framed.entry)
  }

  finish(ends: Pick<Batch, 'before' | 'after' | 'sum'>): Batch {
    const balances = [...this.#balances].sort(([a], [b]) => a - b).map(([, row]) => row)
    if (ends.sum) for (const row of this.#checkpoints.slice(-1)) row.summed = true
    return {
      input: this.#input,
      ...ends,
      entries: this.#entries,
      assets: this.#assets,
      symbols: this.#symbols,
      fees: [...this.#fees.values()],
      symbolStates: [...this.#symbolStates.values()],
      accounts: this.#accounts,
      orders: [...this.#orders.values()],
      orderChanges: [...this.#orderChanges.values()],
      fills: this.#fills,
      trades: this.#trades,
      journal: this.#journal,
      balances,
      checkpoints: this.#checkpoints,
      marker: this.#marker,
    }
  }

  #addFromRisk(framed: FramedEntry, entry: Entry): void {
    const { sequence, time } = framed
    switch (entry.type) {
      case 'assetListed':
        this.#assets.push(entry.asset)
        return
      case 'symbolListed': {
        const { base, quote, ...listing } = entry.listing
        this.#symbols.push({ ...listing, base: base.asset, quote: quote.asset })
        return
      }
      case 'feesChanged':
        this.#changeFees(entry)
        return
      case 'accountOpened':
        this.#accounts.push({ account: entry.account, owner: entry.owner, openedAt: time })
        return
      case 'posting':
        this.#post(framed, { kind: entry.kind, reference: entry.reference, legs: entry.legs })
        return
      case 'orderAccepted':
        this.#accept(entry, framed)
        return
      case 'orderFilled':
        this.#fill(entry, framed)
        return
      case 'orderClosed':
        this.#close(entry, framed)
        return
      case 'checkpoint':
        this.#check(entry, framed)
        return
      case 'marker':
        this.#marker = entry.marker
        return
      case 'epoch':
        return
      default:
        throw new LedgerError(`${inputKey(this.#input)}: ${entry.type} at ${sequence} does not belong here`)
    }
  }

  #addFromMatching({ sequence, time }: FramedEntry, entry: Entry): void {
    switch (entry.type) {
      case 'symbolListed':
        this.#setState(entry.listing.symbol, 'opening', time)
        return
      case 'symbolStateChanged':
        this.#setState(entry.symbol, entry.state, time)
        return
      case 'trade':
        this.#trades.push(tradeRow(entry, time))
        return
      case 'level':
        return
      case 'marker':
        this.#marker = entry.marker
        return
      case 'epoch':
        return
      default:
        throw new LedgerError(`${inputKey(this.#input)}: ${entry.type} at ${sequence} does not belong here`)
    }
  }

  #changeFees({ symbol, makerFeePpm, takerFeePpm }: EntryOf<'feesChanged'>): void {
    this.#fees.set(symbol, { symbol, makerFeePpm, takerFeePpm })
  }

  #setState(symbol: number, state: SymbolStateRow['state'], changedAt: number): void {
    this.#symbolStates.set(symbol, { symbol, partition: this.#input.partition, state, changedAt })
  }

  #accept(entry: EntryOf<'orderAccepted'>, { sequence, time }: FramedEntry): void {
    this.#orders.set(entry.orderId, orderRow(entry, time, sequence))
    this.#move(entry.account, entry.holdAsset, -entry.hold, entry.hold)
    this.#running.openOrders++
  }

  #fill(entry: EntryOf<'orderFilled'>, framed: FramedEntry): void {
    const { orderId, tradeId, account, symbol, price, quantity, feeAsset, fee } = entry
    this.#fills.push({
      orderId,
      tradeId,
      filledAt: framed.time,
      account,
      symbol,
      side: entry.side,
      role: entry.role,
      price,
      quantity,
      feeAsset,
      fee,
      sequence: framed.sequence,
    })
    this.#move(account, entry.holdAsset, entry.released, -entry.released)
    this.#post(framed, { kind: 'fill', reference: null, legs: entry.legs })
    this.#change(entry, framed, {
      filledQuantity: entry.filledQuantity,
      filledQuote: entry.filledQuote,
      fee,
      status: entry.status,
      reason: null,
    })
    if (entry.status !== 'open') this.#running.openOrders--
  }

  #close(entry: EntryOf<'orderClosed'>, framed: FramedEntry): void {
    this.#move(entry.account, entry.holdAsset, entry.released, -entry.released)
    // Reason 0: a market order by funds has used them up, which is what its owner asked for.
    const end =
      entry.reason === 0 ? { status: 'filled', reason: null } : { status: 'closed', reason: entry.reason }
    this.#change(entry, framed, { filledQuantity: null, filledQuote: null, fee: 0n, ...(end as OrderEnd) })
    this.#running.openOrders--
  }

  /** Folds what happened into the order's row, if this batch has it, or else into its one change. */
  #change(
    { orderId, createdAt, remaining, released }: EntryOf<'orderFilled'> | EntryOf<'orderClosed'>,
    { sequence, time: updatedAt }: FramedEntry,
    change: Pick<OrderChange, 'filledQuantity' | 'filledQuote' | 'fee'> & OrderEnd,
  ): void {
    const last = { remaining, status: change.status, reason: change.reason, updatedAt, sequence }
    const order = this.#orders.get(orderId)
    const earlier = order ?? this.#orderChanges.get(orderId)
    if (earlier === undefined) {
      this.#orderChanges.set(orderId, { ...change, ...last, orderId, createdAt, released })
      return
    }
    Object.assign(earlier, last)
    earlier.fee += change.fee
    earlier.filledQuantity = change.filledQuantity ?? earlier.filledQuantity
    earlier.filledQuote = change.filledQuote ?? earlier.filledQuote
    if ('hold' in earlier) earlier.hold -= released
    else earlier.released += released
  }

  #post({ sequence, time }: FramedEntry, { kind, reference, legs }: Posting): void {
    const sums = new Map<number, bigint>()
    legs.forEach(({ account, asset, amount }, leg) => {
      const shard = this.#input.partition
      this.#journal.push({ shard, sequence, leg, postedAt: time, kind, account, asset, amount, reference })
      this.#move(account, asset, amount, 0n)
      sums.set(asset, (sums.get(asset) ?? 0n) + amount)
    })
    for (const [asset, sum] of sums) {
      if (sum !== 0n)
        throw new LedgerError(
          `${inputKey(this.#input)}: posting ${sequence} is off by ${sum} of asset ${asset}`,
        )
    }
  }

  #move(account: number, asset: number, available: bigint, held: bigint): void {
    invariant(shardOfAccount(account) === this.#input.partition, `account ${account} is another shard's`)
    const key = account * ASSETS + asset
    const balance = this.#balances.get(key)
    if (balance === undefined) this.#balances.set(key, { account, asset, available, held })
    else {
      balance.available += available
      balance.held += held
    }
    this.#running.add(account, asset, { available, held })
  }

  #check(entry: EntryOf<'checkpoint'>, { sequence, time }: FramedEntry): void {
    const difference = this.#running.differenceFrom(entry)
    if (difference !== undefined) {
      throw new LedgerError(`${inputKey(this.#input)}: checkpoint ${sequence} differs: ${difference}`)
    }
    const { totals, openOrders } = this.#running.stored()
    const shard = this.#input.partition
    this.#checkpoints.push({ shard, sequence, checkedAt: time, openOrders, totals, summed: false })
  }
}

type OrderEnd = Pick<OrderChange, 'status' | 'reason'>
type Posting = Pick<JournalRow, 'kind' | 'reference'> & { readonly legs: readonly Leg[] }

const orderRow = (entry: EntryOf<'orderAccepted'>, updatedAt: number, sequence: number): OrderRow => ({
  orderId: entry.orderId,
  createdAt: entry.createdAt,
  account: entry.account,
  symbol: entry.symbol,
  commandId: entry.commandId,
  side: entry.side,
  kind: entry.kind,
  timeInForce: entry.timeInForce,
  postOnly: entry.postOnly,
  price: entry.price,
  quantity: entry.quantity,
  funds: entry.funds,
  remaining: entry.quantity,
  filledQuantity: 0,
  filledQuote: 0n,
  fee: 0n,
  holdAsset: entry.holdAsset,
  hold: entry.hold,
  status: 'open',
  reason: null,
  updatedAt,
  sequence,
})

const tradeRow = (entry: EntryOf<'trade'>, tradedAt: number): TradeRow => ({
  symbol: entry.symbol,
  tradeId: entry.tradeId,
  tradedAt,
  price: entry.price,
  quantity: entry.quantity,
  makerOrderId: entry.makerOrderId,
  takerOrderId: entry.takerOrderId,
  makerAccount: entry.makerAccount,
  takerAccount: entry.takerAccount,
  takerSide: entry.takerSide,
})
