import type { IExternalSecret } from '@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret'
import { Construct } from 'constructs'
import type { Values } from '../values/schema.ts'
import { customResource } from './custom-resource.ts'
import { PART_OF, inWave } from './labels.ts'
import { PASSWORD } from './secret-reference.ts'

/** A rotated password is refused until pods have the new one: this long at most, and as long as the kubelet takes. */
const REFRESH = '1m'

type Place = Pick<
  NonNullable<Values['aws']>,
  'secretStore' | 'parameterStore' | 'factsPath' | 'databaseSecret' | 'redisSecret'
>
type Datum = NonNullable<NonNullable<IExternalSecret['spec']>['data']>[number]

/**
 * Addresses and passwords, put together from the estate's secrets and facts. An address has the password too, as it was
 * when a pod began: in the gateway's other slot may stand a version that reads no file.
 */
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
      template: { url: database('writer'), 'read-url': database('reader'), [PASSWORD]: '{{ .password }}' },
    })
    this.#externalSecret(place.secretStore, 'bourse-redis', {
      data: [secret('token', place.redisSecret), fact('host', 'redis-host')],
      template: {
        url: 'rediss://:{{ .token | urlquery }}@{{ .host }}:6379',
        [PASSWORD]: '{{ .token }}',
      },
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
