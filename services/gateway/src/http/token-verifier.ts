import { hash } from 'node:crypto'
import { parseId } from '@bourse/domain/ids'
import { COMMAND_ID_BYTES_MAX } from '@bourse/protocol/entries'
import { jwtVerify, type JWTVerifyGetKey } from 'jose'
import { JWTInvalid } from 'jose/errors'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

/** Who asks, as the token says. */
export type Caller = {
  /** Names the account's owner, for ever: the token's subject. */
  readonly owner: string
  /** When the issuer knows it. */
  readonly account: number | undefined
  readonly roles: readonly string[]
}

/** The caller that a token speaks for. Rejects when it does not speak for anyone (any more). */
export type VerifyToken = (token: string) => Promise<Caller>

export type TokenVerifierOptions = {
  readonly keys: JWTVerifyGetKey
  readonly issuer: string
  readonly audience: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']
const TOKENS_MAX = 50_000
const TOKEN_BYTES_MAX = 8_192
const CLOCK_TOLERANCE_S = 5

/** An account's owner, in at most the bytes that the log has for it. */
export const ownerText = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= COMMAND_ID_BYTES_MAX, 'is too long')

const claims = z.object({
  sub: ownerText,
  exp: z.number(),
  account: z
    .string()
    .transform(parseId)
    .refine((account) => account !== undefined)
    .optional(),
  roles: z.array(z.string()).default([]),
})

type Verified = { readonly caller: Caller; readonly expiresAt: number }

/**
 * Verifies access tokens. A signature costs a hundred times what the rest of an order does, so a token is verified once
 * and then remembered, by its hash, until it expires.
 */
export function createTokenVerifier({ keys, issuer, audience, now }: TokenVerifierOptions): VerifyToken {
  const verified = new LRUCache<string, Verified>({ max: TOKENS_MAX })

  async function verify(token: string): Promise<Verified> {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(now()),
      requiredClaims: ['exp', 'sub'],
    })
    const { sub: owner, exp, account, roles } = claims.parse(payload)
    return { caller: { owner, account, roles }, expiresAt: (exp + CLOCK_TOLERANCE_S) * 1_000 }
  }

  return async (token) => {
    if (token.length > TOKEN_BYTES_MAX) throw new JWTInvalid(`a token of ${token.length} bytes`)
    const key = hash('sha256', token, 'base64')
    const known = verified.get(key)
    if (known !== undefined && now() < known.expiresAt) return known.caller
    const fresh = await verify(token)
    verified.set(key, fresh)
    return fresh.caller
  }
}
