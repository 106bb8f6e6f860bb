import assert from 'node:assert/strict'
import { ArchiveError } from './archive-error.ts'
import {
  decodeInputFile,
  encodeInputFile,
  endOf,
  FILE_RECORDS_MAX,
  type ArchivedRecord,
} from './input-file.ts'

const INPUT = { topic: 'risk.in', partition: 3 } as const
const LOG = 'log-1'

const records = (first: number, count: number): ArchivedRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    offset: first + i,
    timestamp: 1_760_000_000_000 + 7 * i,
    value: Buffer.from(`record ${first + i} `.repeat(i % 5)),
  }))

describe('A file of the archive', () => {
  for (const count of [1, 2, 1_000, 5_000])
    it(`gives back ${count} records as they were`, async () => {
      const file = { log: LOG, records: records(2 ** 40, count) }
      const found = await decodeInputFile(INPUT, 2 ** 40, encodeInputFile(INPUT, file))
      assert.deepEqual(found, file)
      assert.equal(endOf(found), 2 ** 40 + count)
    })

  it('keeps any bytes, none included', async () => {
    const values = [Buffer.alloc(0), Buffer.from([0, 255, 128, 0xc3, 0x28]), Buffer.alloc(512 * 1024, 7)]
    const file = { log: LOG, records: values.map((value, i) => ({ offset: i, timestamp: i, value })) }
    assert.deepEqual(await decodeInputFile(INPUT, 0, encodeInputFile(INPUT, file)), file)
  })

  it('keeps the same values, however often they come', async () => {
    const value = Buffer.from('again')
    const file = {
      log: LOG,
      records: Array.from({ length: 3_000 }, (_, offset) => ({ offset, timestamp: 5, value })),
    }
    assert.deepEqual(await decodeInputFile(INPUT, 0, encodeInputFile(INPUT, file)), file)
  })

  const bytes = encodeInputFile(INPUT, { log: LOG, records: records(10, 100) })
  const damages: readonly [what: string, told: RegExp, read: () => Promise<unknown>][] = [
    ['another topic', /of risk.in\/3/, () => decodeInputFile({ ...INPUT, topic: 'orders.in' }, 10, bytes)],
    ['another partition', /of risk.in\/3/, () => decodeInputFile({ ...INPUT, partition: 4 }, 10, bytes)],
    ['another first offset', /row 0 has offset 10, not 11/, () => decodeInputFile(INPUT, 11, bytes)],
    ['its end cut off', /file_damaged/, () => decodeInputFile(INPUT, 10, bytes.subarray(0, 500))],
    ['no content', /file_damaged/, () => decodeInputFile(INPUT, 10, Buffer.alloc(0))],
    [
      'a gap',
      /row 2 has offset 13, not 12/,
      () => {
        const [a, b, , c] = records(10, 4)
        return decodeInputFile(INPUT, 10, encodeInputFile(INPUT, { log: LOG, records: [a!, b!, c!] }))
      },
    ],
    [
      'no name of its log',
      /does not name its log/,
      () => decodeInputFile(INPUT, 10, encodeInputFile(INPUT, { log: '', records: records(10, 1) })),
    ],
    [
      'more records than a file may have',
      /has 65537 records/,
      () => {
        const many = { log: LOG, records: records(10, FILE_RECORDS_MAX + 1) }
        return decodeInputFile(INPUT, 10, encodeInputFile(INPUT, many))
      },
    ],
  ]
  for (const [what, told, read] of damages)
    it(`is refused with ${what}`, async () => {
      await assert.rejects(
        read(),
        (error) => error instanceof ArchiveError && error.code === 'file_damaged' && told.test(error.message),
      )
    })
})
