import assert from 'node:assert/strict'
import { ByteReader, ByteWriter } from './bytes.ts'

describe('ByteWriter', () => {
  const values: readonly [string, (writer: ByteWriter) => void, (reader: ByteReader) => unknown, unknown][] =
    [
      ['u8', (w) => w.u8(200), (r) => r.u8(), 200],
      ['u16', (w) => w.u16(60_000), (r) => r.u16(), 60_000],
      ['u32', (w) => w.u32(4_000_000_000), (r) => r.u32(), 4_000_000_000],
      ['safe', (w) => w.safe(Number.MAX_SAFE_INTEGER), (r) => r.safe(), Number.MAX_SAFE_INTEGER],
      ['amount', (w) => w.amount(-(2n ** 100n)), (r) => r.amount(), -(2n ** 100n)],
      ['text', (w) => w.text('größer', 16), (r) => r.text(16), 'größer'],
      ['bytes', (w) => w.bytes(Buffer.from([1, 2, 3])), (r) => [...r.bytes(3)], [1, 2, 3]],
    ]
  for (const [name, write, read, value] of values) {
    it(`keeps a ${name} that comes just when the memory must grow`, () => {
      for (let before = 0; before <= 24; before++) {
        const writer = new ByteWriter(16)
        for (let i = 0; i < before; i++) writer.u8(i)
        write(writer)
        const reader = new ByteReader(writer.take())
        for (let i = 0; i < before; i++) assert.equal(reader.u8(), i)
        assert.deepEqual(read(reader), value)
        reader.finish()
      }
    })
  }
})
