import assert from 'node:assert/strict'
import { ArchiveError } from '@bourse/input-archive/archive-error'
import { InputArchive } from '@bourse/input-archive/input-archive'
import { endOf, type InputFile } from '@bourse/input-archive/input-file'
import { MemoryStore } from '@bourse/input-archive/testing/memory-store'
import { ChainWriter } from './chain-writer.ts'

const INPUT = { topic: 'risk.in', partition: 0 } as const
const record = (offset: number) => ({ offset, timestamp: offset, value: Buffer.from(`record ${offset}`) })

/** Two doors to one archive, as two owners of a partition have them. */
function writers(count: number): { archive: InputArchive; writers: ChainWriter[] } {
  const archive = new InputArchive(new MemoryStore())
  const open = () => new ChainWriter({ input: INPUT, archive, log: 'log-1', last: undefined })
  return { archive, writers: Array.from({ length: count }, open) }
}

function gather(writer: ChainWriter, to: number, from = writer.end): void {
  for (let offset = from; offset < to; offset++) writer.gathering.take(record(offset), 0)
}

/** Reads the chain as a cut does. */
async function chain(archive: InputArchive): Promise<{ files: InputFile[]; offsets: number[] }> {
  const files: InputFile[] = []
  for await (const first of archive.files(INPUT)) files.push(await archive.read(INPUT, first))
  return { files, offsets: files.flatMap(({ records }) => records.map(({ offset }) => offset)) }
}

const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

describe('ChainWriter', () => {
  it('writes nothing when there is nothing', async () => {
    const [writer] = writers(1).writers
    assert.equal(await writer!.write(), undefined)
  })

  it('writes one file behind the other', async () => {
    const {
      archive,
      writers: [writer],
    } = writers(1)
    for (const end of [3, 4, 10]) {
      gather(writer!, end)
      assert.equal((await writer!.write())?.by, 'us')
      assert.equal(writer!.end, end)
    }
    assert.deepEqual((await chain(archive)).offsets, upTo(10))
  })

  for (const [what, ours, theirs] of [
    ['as much', 5, 5],
    ['less', 7, 5],
    ['more', 5, 7],
  ] as const)
    it(`goes on behind another writer's file that has ${what}`, async () => {
      const {
        archive,
        writers: [one, other],
      } = writers(2)
      gather(other!, theirs)
      await other!.write()
      gather(one!, ours)
      assert.equal((await one!.write())?.by, 'another')
      assert.equal(one!.end, theirs)
      gather(one!, 9, Math.max(ours, 0))
      await one!.write()
      gather(other!, 12)
      await other!.write()
      gather(other!, 12)
      await other!.write()
      assert.deepEqual((await chain(archive)).offsets, upTo(12))
    })

  it('makes one chain of what many write at once', async () => {
    const { archive, writers: many } = writers(4)
    for (let round = 1; round <= 20; round++)
      await Promise.all(
        many.map((writer, i) => {
          gather(writer, Math.max(writer.end, round * 10 + ((i * 7) % 13)))
          return writer.write()
        }),
      )
    const { files, offsets } = await chain(archive)
    assert.deepEqual(offsets, upTo(endOf(files.at(-1)!)))
  })

  it('refuses a file that differs from the log, and one of another log', async () => {
    for (const [file, told] of [
      [{ log: 'log-1', records: [record(0), { ...record(1), value: Buffer.from('other') }] }, /at 1$/],
      [{ log: 'log-1', records: [record(0), { ...record(1), timestamp: 9 }] }, /at 1$/],
      [{ log: 'log-2', records: [record(0)] }, /of log log-2/],
    ] as const) {
      const {
        archive,
        writers: [writer],
      } = writers(1)
      await archive.write(INPUT, file)
      gather(writer!, 3)
      await assert.rejects(
        writer!.write(),
        (error) => error instanceof ArchiveError && error.code === 'file_differs' && told.test(error.message),
      )
      assert.equal(writer!.end, 0)
    }
  })
})
