import { readFileSync } from 'node:fs'
import { parseAllDocuments, stringify } from 'yaml'

/** Its lines say what was lost: evidence, for a while. */
const KEPT_SECONDS = 7 * 86_400
/** An archive's files, one of each input, and what waits: see the operator's page. */
const MEMORY = '3Gi'
const NAME = 'cut'
/** That it waits for what a cut writes first is `prepare`'s alone. */
const OF_PREPARE = 'STANDBY_REGION'

type Container = {
  readonly command: readonly string[]
  readonly env?: readonly { readonly name: string }[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>
}
type ConfigMap = {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data: Readonly<Record<string, string>>
}
type Job = {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: Record<string, string>
  }
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> }
      readonly spec: { readonly containers: readonly [Container] }
    }
  }
}

/**
 * The Job that makes a cut: an environment's Job `prepare`, of which it has image, account, addresses and secrets, with
 * another command. Its settings are its own, for the ConfigMap of `prepare` comes to the cluster with it, after the cut. It is tried once and has no deadline, for nobody knows how long the log is.
 *
 * @param objects of the environment, the operator's among them
 */
export function cutJob(objects: readonly unknown[], options: readonly string[]): object {
  const prepare = (objects as readonly Job[]).find(
    ({ kind, metadata }) => kind === 'Job' && metadata.labels['app.kubernetes.io/name'] === 'prepare',
  )
  if (prepare === undefined) throw new Error('no Job prepare in these manifests')
  const { metadata, spec } = prepare
  const [container] = spec.template.spec.containers
  const { requests, limits } = container.resources
  const { envFrom = [], env = [], ...withoutEnvironment } = container
  const settings = envFrom.flatMap(({ configMapRef: { name } }) => settingsOf(objects, name))
  const labels = { ...metadata.labels, 'app.kubernetes.io/name': NAME }
  return {
    ...prepare,
    metadata: { name: NAME, namespace: metadata.namespace, labels },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels },
        spec: {
          ...spec.template.spec,
          containers: [
            {
              ...withoutEnvironment,
              name: NAME,
              env: [...settings, ...env].filter(({ name }) => name !== OF_PREPARE),
              command: [...container.command.slice(0, -1), NAME, ...options],
              resources: {
                requests: { ...requests, memory: MEMORY },
                limits: { ...limits, memory: MEMORY },
              },
            },
          ],
        },
      },
    },
  }
}

function settingsOf(objects: readonly unknown[], name: string): { name: string; value: string }[] {
  const map = (objects as readonly ConfigMap[]).find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name,
  )
  if (map === undefined) throw new Error(`no ConfigMap ${name} in these manifests`)
  return Object.entries(map.data).map(([variable, value]) => ({ name: variable, value }))
}

function main([file, ...options]: readonly string[]): void {
  if (file === undefined || options.length === 0)
    throw new Error('usage: cut-job k8s/<environment>/30-operator.yaml --from-archive s3://… [--open]')
  const objects = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as unknown)
  process.stdout.write(stringify(cutJob(objects, options)))
}

if (import.meta.filename === process.argv[1]) main(process.argv.slice(2))
