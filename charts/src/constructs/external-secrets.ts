import type { IExternalSecret } from '@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret'
import { Construct } from 'constructs'
import type { Values } from '../values/schema.ts'
import { customResource } from './custom-resource.ts'
import { PART_OF, inWave } from './labels.ts'

const REFRESH = '1h'

type Place = Pick<
  NonNullable<Values['aws']>,
  'secretStore' | 'parameterStore' | 'factsPath' | 'databaseSecret' | 'redisSecret'
>
type Datum = NonNullable<NonNullable<IExternalSecret['spec']>['data']>[number]

/** The addresses with their passwords, put together from the estate's secrets and facts. */
export class ExternalSecrets extends Construct {
  constructor(scope: Construct, id: string, place: Place) {
    super(scope, id)
    const fact = (secretKey: string, name: string): Datum => ({
      secretKey,
      remoteRef: { key: `${place.factsPath}/${name}` },
      sourceRef: { storeRef: { kind: 'ClusterSecretStore', name: place.parameterStore } },
    })
    const secret = (secretKey: string, key: string, property?: string): Datum => ({
      secretKey,
      remoteRef: { key, ...(property === undefined ? {} : { property }) },
    })
    const database = (host: string) =>
      `postgres://{{ .username }}:{{ .password | urlquery }}@{{ .${host} }}:5432/{{ .database }}`
    this.#externalSecret(place.secretStore, 'bourse-database', {
      data: [
        secret('username', place.databaseSecret, 'username'),
        secret('password', place.databaseSecret, 'password'),
        secret('database', place.databaseSecret, 'dbname'),
        fact('writer', 'database-host'),
        fact('reader', 'database-reader-host'),
      ],
      template: { url: database('writer'), 'read-url': database('reader') },
    })
    this.#externalSecret(place.secretStore, 'bourse-redis', {
      data: [secret('token', place.redisSecret), fact('host', 'redis-host')],
      template: { url: 'rediss://:{{ .token | urlquery }}@{{ .host }}:6379' },
    })
  }

  #externalSecret(
    store: string,
    name: string,
    { data, template }: { readonly data: Datum[]; readonly template: Record<string, string> },
  ): void {
    customResource<IExternalSecret>(this, name, {
      apiVersion: 'external-secrets.io/v1',
      kind: 'ExternalSecret',
      metadata: { name, labels: { 'app.kubernetes.io/part-of': PART_OF }, annotations: inWave('data') },
      spec: {
        refreshInterval: REFRESH,
        secretStoreRef: { kind: 'ClusterSecretStore', name: store },
        target: { name, creationPolicy: 'Owner', template: { engineVersion: 'v2', data: template } },
        data,
      },
    })
  }
}
