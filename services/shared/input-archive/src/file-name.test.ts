import assert from 'node:assert/strict'
import { fileNameOf, firstOffsetIn, folderOf } from './file-name.ts'

describe('File names of the archive', () => {
  it('say topic, partition and first offset', () => {
    const input = { topic: 'risk.in', partition: 7 } as const
    assert.equal(`${folderOf(input)}${fileNameOf(1234)}`, 'inputs/risk.in/7/00000000000000001234.parquet')
  })

  it('sort as offsets do', () => {
    const offsets = [0, 9, 10, 99, 100, 2 ** 40, Number.MAX_SAFE_INTEGER]
    assert.deepEqual(offsets.map(fileNameOf).sort().map(firstOffsetIn), offsets)
  })

  for (const name of ['1.parquet', '00000000000000001234', '00000000000000001234.parquet.tmp', 'x', ''])
    it(`are not "${name}"`, () => assert.equal(firstOffsetIn(name), undefined))
})
