import { deepEqual, equal, rejects } from 'node:assert/strict'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createSigningKey, issueToken, keySet, parseSigningKey } from './tokens.ts'

const parties = { issuer: 'https://issuer', audience: 'bourse' }

describe('tokens', () => {
  it('speak for their owner, by the public key set alone', async () => {
    const key = parseSigningKey(JSON.stringify(await createSigningKey()))
    const token = await issueToken(key, parties, { owner: 'alice', roles: ['trader', 'operator'] })
    const { payload } = await jwtVerify(token, createLocalJWKSet(JSON.parse(keySet(key))), parties)
    equal(payload.sub, 'alice')
    deepEqual(payload['roles'], ['trader', 'operator'])
  })

  it('of another key are refused', async () => {
    const token = await issueToken(await createSigningKey(), parties, { owner: 'alice', roles: [] })
    const others = createLocalJWKSet(JSON.parse(keySet(await createSigningKey())))
    await rejects(jwtVerify(token, others, parties), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })

  it('need no secret to be verified', async () => {
    const [key] = JSON.parse(keySet(await createSigningKey())).keys
    deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })
})
