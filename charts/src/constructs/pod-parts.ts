import { Size } from 'cdk8s'
import { ConfigMap, type Container, type ContainerProps, EnvValue, Volume } from 'cdk8s-plus-28'
import type { Construct } from 'constructs'
import { containerSecurity } from './hardening.ts'
import { containerResources } from './quantities.ts'
import { type SecretReference, secretVariables } from './secret-reference.ts'
import type { Resources } from '../values/schema.ts'
import type { DatabaseCa, Surroundings } from './surroundings.ts'

const TMP_MEBIBYTES = 32
const CA_FOLDER = '/etc/bourse/database-ca'

export const WAITING: Resources = {
  requests: { cpu: '20m', memory: '96Mi', ephemeralStorage: '32Mi' },
  // When a node is drained many start at once; they have time, and whoever serves has not.
  limits: { cpu: '200m', memory: '256Mi', ephemeralStorage: '64Mi' },
}

/** The only place where a container may write. */
export function mountTmp(scope: Construct, ...containers: readonly Container[]): Volume {
  const volume = Volume.fromEmptyDir(scope, 'Tmp', 'tmp', { sizeLimit: Size.mebibytes(TMP_MEBIBYTES) })
  for (const container of containers) container.mount('/tmp', volume)
  return volume
}

export const databaseCaVariable = (ca: DatabaseCa | null): Record<string, string> =>
  ca === null ? {} : { DATABASE_CA_FILE: `${CA_FOLDER}/${ca.key}` }

export function mountDatabaseCa(
  scope: Construct,
  ca: DatabaseCa | null,
  container: Container,
): { readonly path: string; readonly volume: Volume } | undefined {
  if (ca === null) return undefined
  const source = ConfigMap.fromConfigMapName(scope, 'DatabaseCa', ca.configMap)
  const volume = Volume.fromConfigMap(scope, 'DatabaseCaVolume', source, { name: 'database-ca' })
  container.mount(CA_FOLDER, volume, { readOnly: true })
  return { path: CA_FOLDER, volume }
}

export const textVariables = (values: Readonly<Record<string, string>>): Record<string, EnvValue> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, EnvValue.fromValue(value)]))

export const operatorCommand = (...command: readonly string[]): string[] => [
  ...['node', '--enable-source-maps', 'services/operator/dist/main.js'],
  ...command,
]

/** Holds a pod back until the topics and this version's tables are there. */
export function awaitPrepared(
  scope: Construct,
  { kafka, partitions, databaseCa, pullPolicy }: Surroundings,
  { image, database }: { readonly image: string; readonly database: SecretReference },
): ContainerProps {
  return {
    name: 'await-prepared',
    image,
    imagePullPolicy: pullPolicy,
    command: operatorCommand('await-prepared'),
    envVariables: {
      ...textVariables({
        UV_THREADPOOL_SIZE: '16',
        ...kafka,
        ...partitions,
        ...databaseCaVariable(databaseCa),
      }),
      ...secretVariables(scope, { DATABASE_URL: database }),
    },
    resources: containerResources(WAITING),
    securityContext: containerSecurity,
  }
}
