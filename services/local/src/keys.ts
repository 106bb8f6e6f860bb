import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from 'jose'
import { z } from 'zod'
import { StepFailure } from './failure.ts'

const ALGORITHM = 'ES256'
const TOKEN_LIFETIME = '30d'

/** Issuer and audience of the tokens that the gateway accepts locally. */
export const TOKEN_ISSUER = 'http://127.0.0.1/bourse-local'
export const TOKEN_AUDIENCE = 'bourse'

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

export type Role = 'trader' | 'operator'

/** Who a token speaks for: the owner of accounts, and what the owner may do. */
export type TokenSubject = { readonly owner: string; readonly roles: readonly Role[] }

/** Creates the exchange's signing key once, and returns the file of the public key that verifies its tokens. */
export async function prepareKeys(home: string): Promise<string> {
  const folder = join(home, 'keys')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!existsSync(signingKeyFile(home))) {
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    const key: JWK = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: ALGORITHM, use: 'sig' }
    await writeFile(signingKeyFile(home), JSON.stringify(key), { mode: 0o600 })
  }
  const { kty, crv, x, y, kid, alg, use } = await readSigningKey(home)
  const jwksFile = join(folder, 'jwks.json')
  await writeFile(jwksFile, JSON.stringify({ keys: [{ kty, crv, x, y, kid, alg, use }] }))
  return jwksFile
}

/** Signs an access token with the key of the exchange in `home`. */
export async function issueToken(home: string, { owner, roles }: TokenSubject): Promise<string> {
  const key = await readSigningKey(home)
  return new SignJWT({ roles: [...roles] })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid })
    .setSubject(owner)
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME)
    .sign(await importJWK(key, ALGORITHM))
}

async function readSigningKey(home: string) {
  const file = signingKeyFile(home)
  if (!existsSync(file))
    throw new StepFailure(`there is no key in ${file}`, { advice: 'Create it with `make up`.' })
  return signingKey.parse(JSON.parse(await readFile(file, 'utf8')))
}

/** The private key, as a JWK, that signs this exchange's tokens. */
export function signingKeyFile(home: string): string {
  return join(home, 'keys/signing-key.json')
}
