import assert from 'node:assert/strict'
import { theExchange, type ClusterExchange } from './exchange.ts'
import { auditLogs } from './log-audit.ts'
import { tell } from './report.ts'

const READINGS_MIN = 100

/** The last file by name: it looks at everything that the tests before it have done. */
describe('throughout all of this', function () {
  this.timeout(300_000)
  let exchange: ClusterExchange

  before(async function () {
    this.timeout(900_000)
    exchange = await theExchange()
    await exchange.cluster.settled()
  })

  it('no two pods held one shard at a time, but for those that stood still and woke', async function () {
    const { ownership } = exchange.owners
    const { sleepers } = exchange
    const [woken, others] = [true, false].map((wanted) =>
      ownership.overlaps().filter(({ pods }) => pods.some((pod) => sleepers.has(pod)) === wanted),
    )
    const moves = ownership.holds.length
    tell(
      this,
      `${ownership.readings} readings, ${moves} times a shard was taken, woken and not yet told ${woken?.length}`,
    )
    assert.deepEqual(others, [])
    assert.ok(ownership.readings > READINGS_MIN, 'too little was seen')
  })

  it('every stream has one accepted history: what was written twice is the same', async function () {
    const { streams, accepted, repeats, gaps, differences } = await auditLogs(exchange.cluster)
    tell(
      this,
      `${accepted} entries of ${streams} streams, ${repeats} repeats all alike, ${gaps} too early and ignored`,
    )
    assert.deepEqual(differences, [])
    assert.ok(accepted > 0, 'there was nothing to audit')
  })

  it('no shard stopped itself', () => assert.deepEqual([...exchange.owners.stopped], []))
})
