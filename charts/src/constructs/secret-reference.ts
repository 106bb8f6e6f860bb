import { EnvValue, type ISecret, Secret } from 'cdk8s-plus-28'
import type { Construct } from 'constructs'

/** A key of a Secret that something else makes: a Job here, External Secrets on AWS. */
export type SecretReference = {
  readonly secret: string
  readonly key: string
  /** The variable that names the file of the Secret's password: it may change while a pod runs. */
  readonly passwordVariable: string
}

/** Where passwords are in every Secret of a server's address. */
export const PASSWORD = 'password'

const database = { secret: 'bourse-database', passwordVariable: 'DATABASE_PASSWORD_FILE' }
export const DATABASE_URL: SecretReference = { ...database, key: 'url' }
export const DATABASE_READ_URL: SecretReference = { ...database, key: 'read-url' }
export const REDIS_URL: SecretReference = {
  ...{ secret: 'bourse-redis', key: 'url' },
  passwordVariable: 'REDIS_PASSWORD_FILE',
}
export const TOKEN_KEYS = 'bourse-token-keys'

export function secretVariables(
  scope: Construct,
  references: Readonly<Record<string, SecretReference>>,
): Record<string, EnvValue> {
  return Object.fromEntries(
    Object.entries(references).map(([variable, { secret: name, key }]) => {
      const secret = namedSecret(scope, name)
      return [variable, EnvValue.fromSecretValue({ secret, key })]
    }),
  )
}

export function namedSecret(scope: Construct, name: string): ISecret {
  const id = `Secret-${name}`
  const known = scope.node.tryFindChild(id) as ISecret | undefined
  return known ?? Secret.fromSecretName(scope, id, name)
}
