import assert from 'node:assert/strict'
import { formatDecimal } from '@bourse/domain/units'
import { MalformedError } from '@bourse/protocol/bytes'
import { encodeCommands } from '@bourse/protocol/frame'
import { WrongLogError } from '@bourse/protocol/replica'
import { DivergenceError } from '@bourse/protocol/streams'
import fc from 'fast-check'
import { genesis, listingOf, OrdersOut, type Sent } from '../testing/orders-out.ts'
import { MarketFeed } from './market-feed.ts'
import { TRADES_KEPT_MAX, type Market } from './market.ts'

const BTC = 1
const ETH = 2

/** A feed and the log that it reads. */
class Bench {
  readonly out = new OrdersOut()
  feed = new MarketFeed(0)
  next = 0

  append(value: Buffer): void {
    this.feed.read({ offset: this.next++, timestamp: 0, value })
  }

  frame(entries: readonly Sent[], header: Parameters<OrdersOut['frame']>[1] = {}): void {
    this.append(this.out.frame(entries, header))
  }

  market(name = 'BTC-USD'): Market {
    return [...this.feed.markets].find(({ listing }) => listing.name === name)!
  }

  restart(): void {
    this.feed = MarketFeed.decode(this.feed.encode(), this.feed.logPosition)
  }

  changed(): string[] {
    return this.feed.takeChanges().map(({ market, state, book, trades }) => {
      const parts = [
        state ? 'state' : '',
        book ? 'book' : '',
        trades.length > 0 ? `${trades.length} trades` : '',
      ]
      return [market.listing.name, ...parts.filter(Boolean)].join(' ')
    })
  }
}

function listed(): Bench {
  const bench = new Bench()
  bench.append(genesis('log-1'))
  bench.frame([bench.out.listed(BTC, 'BTC-USD'), bench.out.listed(ETH, 'ETH-USD')])
  bench.feed.takeChanges()
  return bench
}

describe('MarketFeed', () => {
  it('keeps absolute quantities per price and tells them best first', () => {
    const bench = listed()
    const { out } = bench
    bench.frame([
      out.level(BTC, 'buy', 9_950, 500),
      out.level(BTC, 'buy', 9_900, 1),
      out.level(BTC, 'buy', 10_000, 1_250),
    ])
    bench.frame([out.level(BTC, 'sell', 10_100, 5), out.level(BTC, 'sell', 10_050, 2_000)])
    bench.frame([
      out.level(BTC, 'buy', 9_950, 0),
      out.level(BTC, 'sell', 10_100, 6),
      out.level(BTC, 'sell', 10_070, 0),
    ])
    assert.deepEqual(bench.market().depth(10), {
      bids: '[["100","1.25"],["99","0.001"]]',
      asks: '[["100.5","2"],["101","0.006"]]',
    })
    assert.deepEqual(bench.market().depth(1), { bids: '[["100","1.25"]]', asks: '[["100.5","2"]]' })
    assert.equal(bench.market().update, 8)
  })

  it('tells what changed since it was asked last, symbol by symbol', () => {
    const bench = new Bench()
    const { out } = bench
    bench.append(genesis('log-1'))
    bench.frame([out.listed(BTC, 'BTC-USD'), out.listed(ETH, 'ETH-USD')])
    assert.deepEqual(bench.changed(), ['BTC-USD state book', 'ETH-USD state book'])
    assert.deepEqual(bench.changed(), [])
    bench.frame([out.trade(ETH, 10_000, 3), out.trade(ETH, 10_001, 3), out.level(ETH, 'sell', 10_001, 4)])
    bench.frame([out.send({ type: 'symbolStateChanged', symbol: BTC, state: 'trading' })])
    bench.frame([out.send({ type: 'marker', marker: 1 })])
    assert.deepEqual(bench.changed(), ['BTC-USD state', 'ETH-USD book 2 trades'])
    bench.frame([out.trade(ETH, 10_000, 3)])
    assert.deepEqual(bench.changed(), ['ETH-USD 1 trades'])
    bench.feed.changeAll()
    assert.deepEqual(bench.changed(), ['BTC-USD state book', 'ETH-USD state book 3 trades'])
  })

  it('has nothing to publish within a command, also after a restart there', () => {
    const bench = listed()
    const { out } = bench
    const first = out.level(BTC, 'buy', 9_900, 1)
    bench.frame([first], { endsCommand: false })
    assert.deepEqual(bench.changed(), [])
    bench.restart()
    assert.deepEqual(bench.changed(), [])
    bench.frame([first], { endsCommand: true })
    assert.deepEqual(bench.changed(), [], 'a repeat ends no command')
    bench.frame([out.level(BTC, 'buy', 9_901, 1)])
    assert.deepEqual(bench.changed(), ['BTC-USD state book', 'ETH-USD state book'])
  })

  it('keeps the last trades, and says when it has not kept all that are new', () => {
    const bench = listed()
    const { out } = bench
    const trades = Array.from({ length: TRADES_KEPT_MAX + 2 }, (_, i) => out.trade(BTC, 10_000 + i, 1))
    bench.frame(trades.slice(0, 2))
    assert.equal(bench.feed.takeChanges()[0]?.tradesWhole, true, 'nothing was told before')
    bench.frame(trades.slice(2, 5))
    const [some] = bench.feed.takeChanges()
    assert.deepEqual([some?.tradesWhole, some?.trades.map(({ tradeId }) => tradeId)], [false, [3, 4, 5]])
    bench.frame(trades.slice(5))
    bench.frame([out.trade(BTC, 1, 1), out.trade(BTC, 1, 1), out.trade(BTC, 1, 1), out.trade(BTC, 1, 1)])
    const [all] = bench.feed.takeChanges()
    assert.equal(all?.tradesWhole, true)
    assert.equal(all?.trades.length, TRADES_KEPT_MAX)
    assert.equal(all?.trades.at(-1)?.tradeId, TRADES_KEPT_MAX + 6)
    assert.equal(bench.market().lastTrade?.price, 1)
  })

  it('drops repeats, and ignores what lies beyond a gap until the missing entries come', () => {
    const bench = listed()
    const { out } = bench
    const [a, b, c] = [1, 2, 3].map((price) => out.level(BTC, 'buy', price, 1)) as [Sent, Sent, Sent]
    bench.frame([c])
    assert.deepEqual(bench.feed.counts, { applied: 2, repeats: 0, gaps: 1, stale: 0 })
    bench.frame([a, b])
    bench.frame([b, c])
    bench.frame([a])
    assert.deepEqual(bench.feed.counts, { applied: 5, repeats: 2, gaps: 1, stale: 0 })
    assert.equal(bench.market().depth(9).bids, '[["0.03","0.001"],["0.02","0.001"],["0.01","0.001"]]')
  })

  it('goes on into a new epoch, tells everything anew in it, and refuses what the older one says after it', () => {
    const bench = listed()
    bench.frame([bench.out.level(BTC, 'buy', 1, 1), bench.out.trade(BTC, 1, 1)])
    bench.changed()
    bench.frame([bench.out.send({ type: 'epoch', epoch: 2 })], { epoch: 2 })
    assert.deepEqual(bench.changed(), ['BTC-USD state book 1 trades', 'ETH-USD state book'])
    bench.restart()
    bench.frame([bench.out.level(BTC, 'buy', 1, 2)], { epoch: 1 })
    assert.deepEqual(bench.feed.counts, { applied: 0, repeats: 0, gaps: 0, stale: 1 })
    assert.deepEqual(bench.feed.streamPosition, { epoch: 2, sequence: 5 })
  })

  const level = { type: 'level', symbol: BTC, side: 'buy' } as const
  const { price, quantity } = { price: listingOf(1, 'A').referencePrice, quantity: listingOf(1, 'A').minLots }
  const parties = {
    makerOrderId: 1,
    takerOrderId: 2,
    makerAccount: 3,
    takerAccount: 4,
    takerSide: 'buy',
  } as const
  const broken: [string, (bench: Bench) => void, object][] = [
    [
      'a level update that does not follow the last one',
      ({ out, frame }) => frame([out.send({ ...level, update: 2, price, quantity })]),
      { message: /update 2 of BTC-USD follows update 0/ },
    ],
    [
      'a trade that does not follow the last one',
      ({ out, frame }) =>
        frame([out.send({ type: 'trade', symbol: BTC, tradeId: 2, price, quantity, ...parties })]),
      { message: /trade 2 of BTC-USD follows trade 0/ },
    ],
    [
      'a symbol that was not listed',
      ({ out, frame }) => frame([out.level(9, 'buy', 1, 1)]),
      { message: /symbol 9/ },
    ],
    [
      'a symbol listed twice',
      ({ out, frame }) => frame([out.listed(BTC, 'BTC-USD')]),
      { message: /listed twice/ },
    ],
    [
      'an entry that has no place in the topic',
      ({ out, frame }) => frame([out.send({ type: 'tick', number: 1 })]),
      { message: /carries no tick/ },
    ],
    [
      'a frame of another shard',
      ({ out, frame }) => frame([out.level(BTC, 'buy', 1, 1)], { shard: 1 }),
      MalformedError,
    ],
    ['a command', ({ append }) => append(encodeCommands([{ type: 'tick', number: 1 }])), MalformedError],
    ['bytes that are no frame', ({ append }) => append(Buffer.from('no frame at all')), MalformedError],
    ['the name of another log', ({ append }) => append(genesis('log-2')), WrongLogError],
    [
      'a repeat with other content',
      ({ out, frame }) => {
        const entry = out.level(BTC, 'buy', 1, 1)
        frame([entry])
        const other = new OrdersOut()
        other.listed(BTC, 'BTC-USD')
        other.listed(ETH, 'ETH-USD')
        frame([{ ...other.level(BTC, 'buy', 1, 2), hashBefore: entry.hashBefore }])
      },
      DivergenceError,
    ],
  ]
  for (const [what, act, error] of broken) {
    it(`refuses ${what}`, () => {
      const bench = listed()
      bench.frame = bench.frame.bind(bench)
      bench.append = bench.append.bind(bench)
      assert.throws(() => act(bench), error)
    })
  }

  it('refuses a log without a name', () => {
    const bench = new Bench()
    assert.throws(() => bench.frame([bench.out.listed(BTC, 'BTC-USD')]), WrongLogError)
  })

  it('compares the record before its position, and refuses a log in which it differs', () => {
    const bench = listed()
    const last = bench.out.frame([bench.out.level(BTC, 'buy', 1, 1)])
    bench.append(last)
    bench.restart()
    const offset = bench.next - 1
    bench.feed.read({ offset, timestamp: 0, value: last })
    assert.equal(bench.feed.logPosition.offset, bench.next)
    assert.throws(() => bench.feed.read({ offset, timestamp: 0, value: genesis('log-1') }), WrongLogError)
    assert.throws(() => bench.feed.read({ offset: offset + 2, timestamp: 0, value: last }), /read offset/)
  })

  it('refuses a checkpoint that is cut short or of another format', () => {
    const bytes = listed().feed.encode()
    const position = { offset: 2, lastRecord: { high: 0, low: 0 } }
    assert.throws(() => MarketFeed.decode(bytes.subarray(0, -1), position), MalformedError)
    assert.throws(() => MarketFeed.decode(Buffer.concat([bytes, Buffer.from([0])]), position), MalformedError)
    assert.throws(() => MarketFeed.decode(Buffer.from([9]), position), MalformedError)
  })
})

const change = fc.record({
  symbol: fc.constantFrom(BTC, ETH),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  price: fc.integer({ min: 1, max: 40 }),
  quantity: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000 })),
  trades: fc.boolean(),
})
/** What happens to a delivery: how many entries it takes, from how far back, and whether it is lost at first. */
const delivery = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 8 })),
  lost: fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 0),
  restart: fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 0),
})

describe('MarketFeed, for any changes and deliveries', () => {
  it('has the book that a sorted map has, and the same bytes as one that read everything once', () => {
    let gaps = 0
    let repeats = 0
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.infiniteStream(delivery), (changes, deliveries) => {
        const bench = listed()
        const { straight, entries, reference } = write(changes, bench.out)
        let done = 0
        while (done < entries.length) {
          const { size, back, lost, restart } = deliveries.next().value
          const end = Math.min(entries.length, done + size)
          const from = Math.max(0, done - back)
          if (lost && end < entries.length) bench.frame(entries.slice(end, end + 1))
          bench.frame(entries.slice(from, end))
          repeats += bench.feed.counts.repeats
          gaps += bench.feed.counts.gaps
          if (restart) bench.restart()
          done = end
        }
        assert.deepEqual(bench.feed.encode(), straight.encode())
        for (const market of bench.feed.markets) {
          assert.deepEqual(market.depth(25), reference(market.listing.symbol))
        }
      }),
      { numRuns: 300, seed: 7 },
    )
    assert.ok(gaps > 100 && repeats > 100, `${gaps} gaps, ${repeats} repeats`)
  })
})

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

/** The changes as entries, a feed that read them once, and a plain book to compare with. */
function write(changes: readonly Change[], out: OrdersOut) {
  const once = listed()
  const plain = new Map<string, number>()
  const entries = changes.flatMap(({ symbol, side, price, quantity, trades }) => {
    plain.set(`${symbol} ${side} ${price}`, quantity)
    const level = out.level(symbol, side, price, quantity)
    return trades ? [level, out.trade(symbol, price, 1)] : [level]
  })
  if (entries.length > 0) once.frame(entries)
  const side = (symbol: number, name: string, direction: number) => {
    const rows = [...plain]
      .map(([key, quantity]) => ({ key: key.split(' '), quantity }))
      .filter(({ key, quantity }) => key[0] === String(symbol) && key[1] === name && quantity > 0)
      .map(({ key, quantity }) => ({ price: Number(key[2]), quantity }))
      .sort((a, b) => (a.price - b.price) * direction)
    return JSON.stringify(
      rows.slice(0, 25).map(({ price, quantity }) => [formatDecimal(price, 2), formatDecimal(quantity, 3)]),
    )
  }
  const reference = (symbol: number) => ({ bids: side(symbol, 'buy', -1), asks: side(symbol, 'sell', 1) })
  return { straight: once.feed, entries, reference }
}
