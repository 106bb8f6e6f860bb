import assert from 'node:assert/strict'
import { FILE_RECORDS_MAX, type ArchivedRecord } from './input-file.ts'
import { InputArchive } from './input-archive.ts'
import { s3PlaceOf } from './open-archive.ts'
import { MemoryStore } from './testing/memory-store.ts'

const INPUT = { topic: 'orders.in', partition: 0 } as const

const file = (first: number, count: number) => ({
  log: 'log-1',
  records: Array.from({ length: count }, (_, i): ArchivedRecord => ({
    offset: first + i,
    timestamp: first + i,
    value: Buffer.of(i),
  })),
})

describe('InputArchive', () => {
  it('finds the end of a chain from a hint that is right, behind, ahead, far ahead or missing', async () => {
    const archive = new InputArchive(new MemoryStore())
    for (const first of [0, 10, 20]) await archive.write(INPUT, file(first, 10))
    for (const near of [undefined, 0, 5, 20, 30, 31, FILE_RECORDS_MAX + 5, 2 * FILE_RECORDS_MAX]) {
      const last = await archive.last(INPUT, near)
      assert.equal(last?.records.at(-1)?.offset, 29, `near ${near}`)
    }
  })

  it('has no end where there is no file, whatever the hint says', async () => {
    const archive = new InputArchive(new MemoryStore())
    assert.equal(await archive.last(INPUT), undefined)
    assert.equal(await archive.last(INPUT, 10 * FILE_RECORDS_MAX), undefined)
  })

  it('does not list the beginning of a long chain', async () => {
    const store = new MemoryStore()
    const archive = new InputArchive(store)
    const ends = Array.from({ length: 4 }, (_, i) => i * FILE_RECORDS_MAX)
    for (const first of ends) await archive.write(INPUT, file(first, FILE_RECORDS_MAX))
    store.listed = 0
    await archive.last(INPUT, 4 * FILE_RECORDS_MAX)
    assert.equal(store.listed, 1)
  })

  it('passes over names that are not of the archive', async () => {
    const store = new MemoryStore()
    const archive = new InputArchive(store)
    await archive.write(INPUT, file(0, 1))
    await store.writeOnce('inputs/orders.in/0/zzz.txt', Buffer.of(1))
    assert.equal((await archive.last(INPUT))?.records.length, 1)
  })
})

describe('A place in S3', () => {
  const places = {
    's3://bucket': { bucket: 'bucket', prefix: '' },
    's3://bucket/': { bucket: 'bucket', prefix: '' },
    's3://bucket/a': { bucket: 'bucket', prefix: 'a/' },
    's3://bucket/a/b/': { bucket: 'bucket', prefix: 'a/b/' },
  }
  for (const [url, place] of Object.entries(places))
    it(`is read from ${url}`, () => assert.deepEqual(s3PlaceOf(new URL(url)), place))
})
