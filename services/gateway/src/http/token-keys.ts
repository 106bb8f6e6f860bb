import { readFile } from 'node:fs/promises'
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'

/** The keys that verify tokens: from a file, or from the issuer, which may change them at any time. */
export async function tokenKeys(source: {
  readonly file: string | undefined
  readonly url: string | undefined
}): Promise<JWTVerifyGetKey> {
  if (source.url !== undefined) return createRemoteJWKSet(new URL(source.url))
  if (source.file === undefined) throw new Error('set JWKS_FILE or JWKS_URL')
  // The library checks what it is given.
  return createLocalJWKSet(JSON.parse(await readFile(source.file, 'utf8')) as JSONWebKeySet)
}
