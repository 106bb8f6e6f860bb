import { Size } from 'cdk8s'
import { ConfigMap, type Container, EnvValue, Volume } from 'cdk8s-plus-28'
import type { Construct } from 'constructs'
import type { DatabaseCa } from './surroundings.ts'

const TMP_MEBIBYTES = 32
const CA_FOLDER = '/etc/bourse/database-ca'

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

export const textVariables = (values: Readonly<Record<string, string>>): Record<string, EnvValue> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, EnvValue.fromValue(value)]))

export const operatorCommand = (...command: readonly string[]): string[] => [
  ...['node', '--enable-source-maps', 'services/operator/dist/main.js'],
  ...command,
]
