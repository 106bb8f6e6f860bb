import { Service, ServiceAccount, ServiceType } from 'cdk8s-plus-28'
import { Construct } from 'constructs'
import { GatewayScaler, PlainGatewayScaler } from '../constructs/autoscaling.ts'
import { NAME_LABEL, SLOT_LABEL, inWave, labelsOf } from '../constructs/labels.ts'
import type { Placement } from '../constructs/placement.ts'
import { DATABASE_READ_URL, REDIS_URL, TOKEN_KEYS } from '../constructs/secret-reference.ts'
import { PORTS, ServiceWorkload } from '../constructs/service-workload.ts'
import type { Surroundings } from '../constructs/surroundings.ts'
import type { Values } from '../values/schema.ts'

const KEYS_FOLDER = '/etc/bourse/token-keys'
/** The file of public keys, by the name that the secrets command gives it. */
const JWKS = 'jwks.json'
/** A new pod serves within this time, or another attempt is made. */
const STARTUP_SECONDS = 60

type Slot = 'blue' | 'green'

export type GatewayProps = {
  readonly surroundings: Surroundings
  readonly values: Values['gateway']
  readonly tokens: Values['tokens']
  readonly placement: Placement
  /** Where KEDA asks; null in a cluster without KEDA. */
  readonly prometheusUrl: string | null
  readonly nodePort: number | null
}

/**
 * The public API in one or two slots. Service `gateway` leads to the active one, `gateway-preview` to the other; to
 * release is to change which one is active.
 */
export class Gateway extends Construct {
  readonly service: Service
  readonly #props: GatewayProps
  readonly #account: ServiceAccount

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id)
    this.#props = props
    const { values, surroundings, nodePort } = props
    this.#account = new ServiceAccount(this, 'Account', {
      metadata: {
        name: 'gateway',
        labels: labelsOf('gateway', 'gateway'),
        annotations: inWave('foundation'),
      },
      automountToken: false,
    })
    const other: Slot = values.active === 'blue' ? 'green' : 'blue'
    this.#slot(values.active, values.image ?? surroundings.image)
    this.service = this.#entrance('gateway', values.active)
    if (nodePort !== null) this.#entrance('gateway-node-port', values.active, nodePort)
    if (values.idle === null) return
    this.#slot(other, values.idle.image)
    this.#entrance('gateway-preview', other)
  }

  #slot(slot: Slot, image: string): void {
    const { surroundings, values, tokens, placement, prometheusUrl } = this.#props
    const { resources, idle } = values
    const minReplicas = Math.max(values.scaling.minReplicas, idle?.minReplicas ?? 0)
    const scaling = { ...values.scaling, minReplicas }
    const workload = new ServiceWorkload(this, slot, surroundings, {
      service: 'gateway',
      component: 'gateway',
      slot,
      image,
      serviceAccount: this.#account,
      config: {
        PUBLIC_PORT: String(PORTS.http),
        ...surroundings.partitions,
        JWT_ISSUER: tokens.issuer,
        JWT_AUDIENCE: tokens.audience,
        ...(tokens.jwksUrl === null ? { JWKS_FILE: `${KEYS_FOLDER}/${JWKS}` } : { JWKS_URL: tokens.jwksUrl }),
        ...values.settings,
      },
      secrets: { DATABASE_READ_URL, REDIS_URL },
      secretFolders: tokens.jwksUrl === null ? { [KEYS_FOLDER]: { secret: TOKEN_KEYS, keys: [JWKS] } } : {},
      isPublic: true,
      startupSeconds: STARTUP_SECONDS,
      surge: '25%',
      priorityClassName: 'bourse-serving',
      ...{ resources, placement, replicas: 'autoscaled' },
      preStopSeconds: values.preStopSeconds,
      shutdownGraceMs: values.shutdownGraceMs,
      terminationGraceSeconds: values.terminationGraceSeconds,
    })
    const id = `${slot}-scaler`
    if (prometheusUrl === null) new PlainGatewayScaler(this, id, { workload, scaling })
    else new GatewayScaler(this, id, { workload, scaling, resources, prometheusUrl })
  }

  #entrance(name: string, slot: Slot, nodePort?: number): Service {
    const service = new Service(this, name, {
      metadata: {
        name,
        labels: { ...labelsOf('gateway', 'gateway'), [SLOT_LABEL]: slot },
        annotations: inWave('services'),
      },
      type: nodePort === undefined ? ServiceType.CLUSTER_IP : ServiceType.NODE_PORT,
      ports: [
        {
          name: 'http',
          port: PORTS.http,
          targetPort: PORTS.http,
          ...(nodePort === undefined ? {} : { nodePort }),
        },
      ],
    })
    service.selectLabel(NAME_LABEL, 'gateway')
    service.selectLabel(SLOT_LABEL, slot)
    return service
  }
}
