import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { issueToken, prepareKeys, TOKEN_AUDIENCE, TOKEN_ISSUER } from './keys.ts'

describe('keys', () => {
  let home: string
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'bourse-keys-'))))
  afterEach(() => rmSync(home, { recursive: true }))

  const verify = (jwksFile: string, token: string) =>
    jwtVerify(token, createLocalJWKSet(JSON.parse(readFileSync(jwksFile, 'utf8'))), {
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
    })

  it('sign tokens that the published key set verifies', async () => {
    const jwks = await prepareKeys(home)
    const { payload } = await verify(jwks, await issueToken(home, { owner: 'alice', roles: ['operator'] }))
    equal(payload.sub, 'alice')
    deepEqual(payload['roles'], ['operator'])
  })

  it('stay the same from one start to the next', async () => {
    await prepareKeys(home)
    const token = await issueToken(home, { owner: 'alice', roles: [] })
    await verify(await prepareKeys(home), token)
  })

  it('of another exchange are refused', async () => {
    await prepareKeys(home)
    const token = await issueToken(home, { owner: 'alice', roles: [] })
    rmSync(join(home, 'keys'), { recursive: true })
    await rejects(verify(await prepareKeys(home), token))
  })

  it('publish no secret, and keep it from other users', async () => {
    const jwks = JSON.parse(readFileSync(await prepareKeys(home), 'utf8'))
    equal(jwks.keys[0].d, undefined)
    equal(statSync(join(home, 'keys/signing-key.json')).mode & 0o077, 0)
  })
})
