import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { snapshot } from './snapshot.ts'

describe('Snapshot of production', () => {
  it('is what the code makes (npm run snapshot writes it)', () => {
    const written = readFileSync(new URL('production.snap.txt', import.meta.url), 'utf8').split('\n')
    const made = snapshot().split('\n')
    assert.deepEqual(
      made.filter((line) => !written.includes(line)),
      [],
    )
    assert.equal(made.length, written.length)
  })

  it('names no hash, neither of code nor of a construct', () => {
    const lines = snapshot().split('\n')
    const hashed = lines.filter((line) => /[0-9a-f]{32}|[a-z](?!\d{8})[0-9A-F]{8}/.test(line))
    assert.deepEqual(hashed, [])
  })
})
