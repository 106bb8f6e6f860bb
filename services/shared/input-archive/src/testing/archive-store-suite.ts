import assert from 'node:assert/strict'
import type { ArchiveStore } from '../archive-store.ts'

/** More than S3 lists at once. */
const MANY = 1_005

/** What every store must do. `open` gives one more door to the same, empty place. */
export function archiveStoreSuite(open: () => Promise<ArchiveStore>): void {
  let store: ArchiveStore
  before(async () => {
    store = await open()
  })
  after(() => store.close())

  const names = (folder: string, after?: string) => all(store.list(folder, after))

  it('has nothing in a folder that is not there', async () => {
    assert.deepEqual(await names('nothing/'), [])
  })

  it('gives back what was written', async () => {
    const bytes = Buffer.from([0, 1, 2, 255])
    assert.equal(await store.writeOnce('inputs/a/1', bytes), 'written')
    assert.deepEqual(await store.read('inputs/a/1'), bytes)
  })

  it('leaves a file that exists as it is', async () => {
    assert.equal(await store.writeOnce('once/1', Buffer.from('first')), 'written')
    assert.equal(await store.writeOnce('once/1', Buffer.from('second')), 'exists')
    assert.equal((await store.read('once/1')).toString(), 'first')
  })

  it('lets one of several writers of a name win, and tells the others', async () => {
    const doors = await Promise.all(Array.from({ length: 4 }, open))
    const outcomes = await Promise.all(
      doors.map((door, i) => door.writeOnce('race/1', Buffer.from(`writer ${i}`))),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'written').length, 1, outcomes.join())
    const winner = outcomes.indexOf('written')
    assert.equal((await store.read('race/1')).toString(), `writer ${winner}`)
    assert.deepEqual(await names('race/'), ['1'])
    for (const door of doors) door.close()
  })

  it('lists a folder alone, in order, from a name on', async () => {
    for (const name of ['list/b', 'list/a', 'list/c', 'list/below/d', 'list2/e'])
      await store.writeOnce(name, Buffer.from(name))
    assert.deepEqual(await names('list/'), ['a', 'b', 'c'])
    assert.deepEqual(await names('list/', 'a'), ['b', 'c'])
    assert.deepEqual(await names('list/', 'aa'), ['b', 'c'])
    assert.deepEqual(await names('list/', 'c'), [])
  })

  it('lists the folders in a folder, in order, and no files', async () => {
    for (const name of ['tree/b/1', 'tree/a/below/2', 'tree/a/3', 'tree/c', 'tree2/d/4'])
      await store.writeOnce(name, Buffer.from(name))
    assert.deepEqual(await all(store.folders('tree/')), ['a', 'b'])
    assert.deepEqual(await all(store.folders('nothing/')), [])
  })

  it('lists more than comes in one answer', async () => {
    const wanted = Array.from({ length: MANY }, (_, i) => String(i).padStart(6, '0'))
    for (let from = 0; from < MANY; from += 50)
      await Promise.all(
        wanted.slice(from, from + 50).map((name) => store.writeOnce(`many/${name}`, Buffer.of(1))),
      )
    assert.deepEqual(await names('many/'), wanted)
    assert.deepEqual(await names('many/', '000001'), wanted.slice(2))
  })

  it('fails to read what is not there', async () => {
    await assert.rejects(store.read('inputs/a/none'))
  })
}

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const name of names) found.push(name)
  return found
}
