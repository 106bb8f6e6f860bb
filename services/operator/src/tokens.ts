import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import { z } from 'zod'

const ALGORITHM = 'ES256'
const TOKEN_LIFETIME = '30d'

const signingKey = z.object({
  kty: z.literal('EC'),
  crv: z.string(),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.string(),
})

/** A private key as a JWK. */
export type SigningKey = z.infer<typeof signingKey>

export const ROLES = ['trader', 'operator'] as const
export type Role = (typeof ROLES)[number]

/** Who a token speaks for: the owner of accounts, and what the owner may do. */
export type TokenSubject = { readonly owner: string; readonly roles: readonly Role[] }

/** What the gateway compares: `JWT_ISSUER`, `JWT_AUDIENCE`. */
export type TokenParties = { readonly issuer: string; readonly audience: string }

export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  return signingKey.parse({
    ...(await exportJWK(privateKey)),
    ...{ kid: randomUUID(), alg: ALGORITHM, use: 'sig' },
  })
}

export const parseSigningKey = (text: string): SigningKey => signingKey.parse(JSON.parse(text))

/** The public half, as the set that verifies the key's tokens. */
export const keySet = ({ kty, crv, x, y, kid, alg, use }: SigningKey): string =>
  JSON.stringify({ keys: [{ kty, crv, x, y, kid, alg, use }] })

/** Signs an access token. */
export async function issueToken(
  key: SigningKey,
  { issuer, audience }: TokenParties,
  { owner, roles }: TokenSubject,
): Promise<string> {
  return new SignJWT({ roles: [...roles] })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid })
    .setSubject(owner)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(await importJWK(key, ALGORITHM))
}
