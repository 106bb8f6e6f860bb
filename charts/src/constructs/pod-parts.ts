import { Size } from 'cdk8s'
import { ConfigMap, type Container, Volume } from 'cdk8s-plus-28'
import type { Construct } from 'constructs'
import { PASSWORD, type SecretReference, namedSecret } from './secret-reference.ts'
import type { DatabaseCa } from './surroundings.ts'

const TMP_MEBIBYTES = 32
const CA_FOLDER = '/etc/bourse/database-ca'
const PASSWORDS_FOLDER = '/etc/bourse/passwords'

/** The only place where a container may write. */
export function mountTmp(scope: Construct, container: Container): void {
  const volume = Volume.fromEmptyDir(scope, 'Tmp', 'tmp', { sizeLimit: Size.mebibytes(TMP_MEBIBYTES) })
  container.mount('/tmp', volume)
}

export const databaseCaVariable = (ca: DatabaseCa | null): Record<string, string> =>
  ca === null ? {} : { DATABASE_CA_FILE: `${CA_FOLDER}/${ca.key}` }

export function mountDatabaseCa(scope: Construct, ca: DatabaseCa | null, container: Container): void {
  if (ca === null) return
  const source = ConfigMap.fromConfigMapName(scope, 'DatabaseCa', ca.configMap)
  const volume = Volume.fromConfigMap(scope, 'DatabaseCaVolume', source, { name: 'database-ca' })
  container.mount(CA_FOLDER, volume, { readOnly: true })
}

type References = Readonly<Record<string, SecretReference>>

const passwordFolder = (secret: string) => `${PASSWORDS_FOLDER}/${secret}`

/** Where the passwords of servers are: they may change while the pod runs, and its variables do not. */
export const passwordVariables = (references: References): Record<string, string> =>
  Object.fromEntries(
    Object.values(references).map(({ secret, passwordVariable }) => [
      passwordVariable,
      `${passwordFolder(secret)}/${PASSWORD}`,
    ]),
  )

/** A folder each, never a file alone: the kubelet replaces what is in a folder when the Secret changes, a file it does not. */
export function mountPasswords(scope: Construct, references: References, container: Container): void {
  for (const secret of new Set(Object.values(references).map((each) => each.secret))) {
    const volume = Volume.fromSecret(scope, `Password-${secret}`, namedSecret(scope, secret), {
      name: `${secret}-password`,
      items: { [PASSWORD]: { path: PASSWORD } },
    })
    container.mount(passwordFolder(secret), volume, { readOnly: true })
  }
}

export const operatorCommand = (...command: readonly string[]): string[] => [
  ...['node', '--enable-source-maps', 'services/operator/dist/main.js'],
  ...command,
]
