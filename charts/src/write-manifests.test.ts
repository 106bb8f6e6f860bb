import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFiles } from './write-manifests.ts'

const LONG_AGO = new Date(0)

describe('A folder of manifests', () => {
  let folder: string
  const touchedAt = (name: string) => statSync(join(folder, name)).mtimeMs
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'manifests-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  it('holds what was written, and no YAML beside it', () => {
    for (const name of ['gone.yaml', 'README.md']) writeFileSync(join(folder, name), '')
    writeFiles(folder, new Map([['a.yaml', 'a: 1\n']]))
    assert.deepEqual(readdirSync(folder).toSorted(), ['README.md', 'a.yaml'])
  })

  it('is touched only where it changes', () => {
    for (const name of ['same.yaml', 'other.yaml']) {
      writeFileSync(join(folder, name), 'a: 1\n')
      utimesSync(join(folder, name), LONG_AGO, LONG_AGO)
    }
    const files = [
      ['same.yaml', 'a: 1\n'],
      ['other.yaml', 'a: 2\n'],
    ] as const
    writeFiles(folder, new Map(files))
    assert.equal(touchedAt('same.yaml'), 0)
    assert.notEqual(touchedAt('other.yaml'), 0)
    assert.equal(readFileSync(join(folder, 'other.yaml'), 'utf8'), 'a: 2\n')
  })
})
