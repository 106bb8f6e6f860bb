import { randomBytes } from 'node:crypto'
import type { ClusterApi } from './kubernetes.ts'
import { createSigningKey, keySet } from './tokens.ts'

/** Letters, digits, dashes and underscores: they stand in a URL as they are. */
const randomPassword = (): string => randomBytes(24).toString('base64url')

export type SecretPlaces = {
  readonly namespace: string
  readonly databaseHost: string
  readonly redisHost: string
}

/**
 * Makes the passwords and keys of a cluster that has no vault of its own. A secret that is there stays as it is.
 *
 * @returns what became of each, by name
 */
export async function createSecrets(
  api: Pick<ClusterApi, 'hasSecret' | 'createSecret'>,
  { namespace, databaseHost, redisHost }: SecretPlaces,
): Promise<Record<string, 'created' | 'kept'>> {
  const contents: Record<string, () => Promise<Record<string, string>>> = {
    'bourse-database': async () => {
      const password = randomPassword()
      const url = `postgres://bourse:${password}@${databaseHost}:5432/bourse`
      return { password, url, 'read-url': url }
    },
    'bourse-redis': async () => {
      const password = randomPassword()
      return { password, url: `redis://:${password}@${redisHost}:6379` }
    },
    'bourse-token-keys': async () => {
      const key = await createSigningKey()
      return { 'signing-key.json': JSON.stringify(key), 'jwks.json': keySet(key) }
    },
  }
  const outcomes: Record<string, 'created' | 'kept'> = {}
  for (const [name, content] of Object.entries(contents)) {
    const isNew =
      !(await api.hasSecret(namespace, name)) &&
      (await api.createSecret({ namespace, name, data: await content() }))
    outcomes[name] = isNew ? 'created' : 'kept'
  }
  return outcomes
}
