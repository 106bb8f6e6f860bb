import type { Waiver } from './rule.ts'

const LOCAL = ['minimal', 'local'] as const

const DATASTORE = /^StatefulSet\/(?:kafka|postgres|redis|prometheus)$/

/** Every exception there is: only where the exchange runs on a machine of one's own. One that nothing needs fails a test. */
export const WAIVERS: readonly Waiver[] = [
  {
    rule: 'service-type',
    at: /^Service\/gateway-node-port$/,
    environments: LOCAL,
    reason: 'A cluster on one machine is reached without an Ingress controller.',
  },
  {
    rule: 'access-to-secrets',
    at: /^Role\/secrets$/,
    environments: LOCAL,
    reason:
      'The Job secrets makes passwords and keys where no secret store is; it may create and read, not list or change.',
  },
  {
    rule: 'image-pull-policy',
    at: /./,
    environments: LOCAL,
    reason: 'Images are loaded into the nodes; pulling would ask a registry that does not have them.',
  },
  {
    rule: 'no-service-account-token',
    at: /^(?:ServiceAccount|Job)\/secrets/,
    environments: LOCAL,
    reason: 'The Job secrets talks to the API server.',
  },
  {
    rule: 'container-security-context-user-group-id',
    at: DATASTORE,
    environments: LOCAL,
    reason: 'The official images own their files as users below 10000.',
  },
  {
    rule: 'pre-stop',
    at: DATASTORE,
    environments: LOCAL,
    reason: 'One pod each: there is no other endpoint that requests could go to.',
  },
  {
    rule: 'anti-affinity',
    at: DATASTORE,
    environments: LOCAL,
    reason: 'One pod each, and all on one node, so that another node can be lost without losing data.',
  },
]
