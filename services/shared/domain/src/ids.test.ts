import assert from 'node:assert/strict'
import {
  accountId,
  counterOfAccount,
  CUSTOMER_FIRST,
  isCustomer,
  orderId,
  parseId,
  sequenceOfOrder,
  shardOfAccount,
  shardOfOrder,
  systemAccount,
} from './ids.ts'

describe('ids', () => {
  for (const shard of [0, 1, 255]) {
    it(`name shard ${shard} and a number in it`, () => {
      const account = accountId(shard, 2 ** 24 - 1)
      assert.deepEqual([shardOfAccount(account), counterOfAccount(account)], [shard, 2 ** 24 - 1])
      const order = orderId(shard, 2 ** 45 - 1)
      assert.ok(Number.isSafeInteger(order))
      assert.deepEqual([shardOfOrder(order), sequenceOfOrder(order)], [shard, 2 ** 45 - 1])
    })
  }

  it('crash on what does not fit', () => {
    for (const make of [accountId, orderId]) {
      assert.throws(() => make(256, 1), /out of range/)
      assert.throws(() => make(0, 0), /out of range/)
    }
    assert.throws(() => accountId(0, 2 ** 24), /out of range/)
    assert.throws(() => orderId(0, 2 ** 45), /out of range/)
  })

  it("tell customers from the exchange's own accounts", () => {
    assert.equal(isCustomer(systemAccount(3, 'suspense')), false)
    assert.equal(isCustomer(accountId(3, CUSTOMER_FIRST)), true)
  })

  for (const [text, id] of [
    ['1', 1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', undefined],
    ['01', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['1.0', undefined],
    ['', undefined],
  ] as const) {
    it(`read '${text}' as ${id}`, () => assert.equal(parseId(text), id))
  }
})
