import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createSigningKey,
  issueToken as issue,
  keySet,
  parseSigningKey,
  type SigningKey,
  type TokenSubject,
} from '@bourse/operator/tokens'
import { StepFailure } from './failure.ts'

/** Issuer and audience of the tokens that the gateway accepts locally. */
export const TOKEN_ISSUER = 'http://127.0.0.1/bourse-local'
export const TOKEN_AUDIENCE = 'bourse'

/** Creates the exchange's signing key once, and returns the file of the public key that verifies its tokens. */
export async function prepareKeys(home: string): Promise<string> {
  const folder = join(home, 'keys')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!existsSync(signingKeyFile(home))) {
    await writeFile(signingKeyFile(home), JSON.stringify(await createSigningKey()), { mode: 0o600 })
  }
  const jwksFile = join(folder, 'jwks.json')
  await writeFile(jwksFile, keySet(await readSigningKey(home)))
  return jwksFile
}

/** Signs an access token with the key of the exchange in `home`. */
export async function issueToken(home: string, subject: TokenSubject): Promise<string> {
  return issue(await readSigningKey(home), { issuer: TOKEN_ISSUER, audience: TOKEN_AUDIENCE }, subject)
}

async function readSigningKey(home: string): Promise<SigningKey> {
  const file = signingKeyFile(home)
  if (!existsSync(file))
    throw new StepFailure(`there is no key in ${file}`, { advice: 'Create it with `make up`.' })
  return parseSigningKey(await readFile(file, 'utf8'))
}

/** The private key, as a JWK, that signs this exchange's tokens. */
export function signingKeyFile(home: string): string {
  return join(home, 'keys/signing-key.json')
}
