import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { passwordFile } from './password-file.ts'

describe('passwordFile', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bourse-password-'))
    path = join(folder, 'password')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('answers what the file holds now', () => {
    writeFileSync(path, 'old')
    const password = passwordFile(path)
    writeFileSync(path, 'new')
    assert.equal(password(), 'new')
  })

  it('leaves the end of the last line out, and nothing else', () => {
    for (const [text, expected] of [
      ['a b \n', 'a b '],
      ['a\r\n', 'a'],
      ['a\n\n', 'a\n'],
    ] as const) {
      writeFileSync(path, text)
      assert.equal(passwordFile(path)(), expected)
    }
  })

  it('answers the password read last while the file is gone or empty', () => {
    writeFileSync(path, 'old')
    const password = passwordFile(path)
    writeFileSync(path, '')
    assert.equal(password(), 'old')
    rmSync(path)
    assert.equal(password(), 'old')
    writeFileSync(path, 'new')
    assert.equal(password(), 'new')
  })

  it('fails at once where there is none', () => {
    assert.throws(() => passwordFile(path), /ENOENT/)
    writeFileSync(path, '\n')
    assert.throws(() => passwordFile(path), /password is empty/)
  })
})
