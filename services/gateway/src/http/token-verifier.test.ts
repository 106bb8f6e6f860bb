import assert from 'node:assert/strict'
import { Issuer } from '../testing/gateway.ts'

describe('token verifier', () => {
  let issuer: Issuer
  before(async () => {
    issuer = await Issuer.create()
  })

  it('tells owner, account and roles', async () => {
    const token = await issuer.token('alice', { roles: ['operator'], account: '16777232' })
    assert.deepEqual(await issuer.verifier()(token), {
      owner: 'alice',
      account: 16_777_232,
      roles: ['operator'],
    })
  })

  const invalid: [string, (issuer: Issuer) => Promise<string>, RegExp | object][] = [
    [
      'of another key',
      async () => (await Issuer.create()).token('alice'),
      { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
    ],
    [
      'of an unknown key',
      async () => (await Issuer.create('key-2')).token('alice'),
      { code: 'ERR_JWKS_NO_MATCHING_KEY' },
    ],
    ['that has expired', (own) => own.token('alice', { expiresAt: 1_000 }), { code: 'ERR_JWT_EXPIRED' }],
    ['of another issuer', (own) => own.token('alice', { issuer: 'https://other.test' }), { claim: 'iss' }],
    ['for another audience', (own) => own.token('alice', { audience: 'other' }), { claim: 'aud' }],
    ['without an owner', (own) => own.token(''), { name: 'ZodError' }],
    ['whose owner is too long', (own) => own.token('a'.repeat(129)), { name: 'ZodError' }],
    ['whose owner has too many bytes', (own) => own.token('ä'.repeat(65)), { name: 'ZodError' }],
    ['that is too long', async () => 'a'.repeat(8_193), { code: 'ERR_JWT_INVALID' }],
    ['whose account is no id', (own) => own.token('alice', { account: '-1' }), { name: 'ZodError' }],
    ['whose roles are no list', (own) => own.token('alice', { roles: 'operator' }), { name: 'ZodError' }],
    [
      'that was changed',
      async (own) => (await own.token('alice')).replace(/\.[^.]*\./, '.eyJzdWIiOiJib2IifQ.'),
      { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
    ],
    ['that is none', async () => 'a.b.c', { code: 'ERR_JWS_INVALID' }],
    ['without a signature', async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`, /./],
  ]
  for (const [name, make, error] of invalid) {
    it(`refuses a token ${name}`, async () => {
      await assert.rejects(issuer.verifier()(await make(issuer)), error)
    })
  }

  it('remembers a token until it expires, and no longer', async () => {
    let now = Date.now()
    const expiresAt = Math.floor(now / 1_000) + 60
    const token = await issuer.token('alice', { expiresAt })
    const verify = issuer.verifier(() => now)
    const first = await verify(token)
    assert.equal(await verify(token), first, 'verified once')
    now = (expiresAt + 6) * 1_000
    await assert.rejects(verify(token), { code: 'ERR_JWT_EXPIRED' })
  })

  it('verifies once: the second time costs a fraction', async () => {
    const verify = issuer.verifier()
    const token = await issuer.token('alice')
    await verify(token)
    const begunAt = performance.now()
    for (let i = 0; i < 1_000; i++) await verify(token)
    const microseconds = performance.now() - begunAt
    assert(microseconds < 100, `${microseconds} µs a token`)
  })
})
