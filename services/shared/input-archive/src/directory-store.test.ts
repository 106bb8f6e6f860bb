import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryStore } from './directory-store.ts'
import { archiveStoreSuite } from './testing/archive-store-suite.ts'

describe('DirectoryStore', () => {
  let root: string
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'bourse-archive-'))
  })
  after(() => rm(root, { recursive: true }))

  archiveStoreSuite(async () => new DirectoryStore(root))

  it('does not list what a writer left unfinished', async () => {
    const store = new DirectoryStore(root)
    await store.writeOnce('left/1', Buffer.from('whole'))
    await writeFile(join(root, 'left/.unfinished-1'), 'half')
    const names = []
    for await (const name of store.list('left/')) names.push(name)
    assert.deepEqual(names, ['1'])
  })

  it('fails where it cannot write, and does not take that for a name that is taken', async () => {
    await writeFile(join(root, 'taken'), '')
    await assert.rejects(new DirectoryStore(join(root, 'taken')).writeOnce('a', Buffer.of(1)), {
      code: 'EEXIST',
    })
  })
})
