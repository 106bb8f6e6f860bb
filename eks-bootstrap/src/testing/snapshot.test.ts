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

  it('names no hash', () => assert.doesNotMatch(snapshot(), /[0-9a-f]{64}/))
})
