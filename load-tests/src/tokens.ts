import { readFile } from 'node:fs/promises'
import { importJWK, SignJWT, type JWK } from 'jose'

/** Signs tokens as the local exchange's key allows. Where an identity service issues them, it is not needed. */
export class TokenSigner {
  readonly #key: Awaited<ReturnType<typeof importJWK>>
  readonly #jwk: JWK
  readonly #issuer: string
  readonly #audience: string

  private constructor(
    key: Awaited<ReturnType<typeof importJWK>>,
    jwk: JWK,
    { issuer, audience }: { issuer: string; audience: string },
  ) {
    this.#key = key
    this.#jwk = jwk
    this.#issuer = issuer
    this.#audience = audience
  }

  static async fromFile(path: string, claims: { issuer: string; audience: string }): Promise<TokenSigner> {
    const jwk = JSON.parse(await readFile(path, 'utf8')) as JWK
    return new TokenSigner(await importJWK(jwk, jwk.alg), jwk, claims)
  }

  token(owner: string, roles: readonly string[] = []): Promise<string> {
    const { kid, alg = 'EdDSA' } = this.#jwk
    return new SignJWT({ roles })
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
      .setSubject(owner)
      .setIssuer(this.#issuer)
      .setAudience(this.#audience)
      .setIssuedAt()
      .setExpirationTime('12h')
      .sign(this.#key)
  }
}
