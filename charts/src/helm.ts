import { Yaml } from 'cdk8s'
import { NAMESPACE } from './constructs/labels.ts'
import type { KubernetesObject } from './render.ts'
import type { Values } from './values/schema.ts'
import type { Files } from './write-manifests.ts'

/** Stands in for what the one who installs may choose, until the text is written. */
const IMAGE_MARK = 'helm-value-image'
const PINNED_IMAGE_MARK = `${IMAGE_MARK}@sha256:${'0'.repeat(64)}`
const NAMESPACE_MARK = 'helm-release-namespace'
const REVISION_MARK = 'helm-release-revision'
const VERSION = '0.1.0'

export type HelmProps = {
  readonly environment: string
  readonly values: Values
  /** Renders values into files of objects. */
  readonly render: (values: Values) => ReadonlyMap<string, readonly KubernetesObject[]>
}

/**
 * A Helm chart of one environment: its manifests as they are, but for the image of the services and the namespace,
 * which `helm install` may choose. Everything else is decided where the manifests are made.
 */
export function helmChart({ environment, values, render }: HelmProps): Files {
  // By tag or by digest as before: it decides how often the image is pulled.
  const mark = values.image.includes('@sha256:') ? PINNED_IMAGE_MARK : IMAGE_MARK
  const marked = { ...values, image: mark }
  const templates = [...render(marked)].flatMap(([name, objects]) => {
    // The one who installs makes the namespace; its labels are told in the notes.
    const own = objects.filter(({ kind }) => kind !== 'Namespace').map(withMarks)
    return own.length === 0 ? [] : [[`templates/${name}`, templated(Yaml.stringify(...own))] as const]
  })
  return new Map([
    [
      'Chart.yaml',
      Yaml.stringify({
        apiVersion: 'v2',
        name: 'bourse',
        description: `Bourse, a trading exchange, with the values of ${environment}`,
        type: 'application',
        version: VERSION,
        kubeVersion: '>=1.32.0-0',
      }),
    ],
    [
      'values.yaml',
      `# Of every service. In staging and production by digest.\n${Yaml.stringify({ image: values.image })}`,
    ],
    ['values.schema.json', `${JSON.stringify(INSTALL_SCHEMA, null, 2)}\n`],
    ['templates/NOTES.txt', NOTES],
    ...templates,
  ])
}

const INSTALL_SCHEMA = {
  $schema: 'https://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { image: { type: 'string', minLength: 1 }, global: { type: 'object' } },
  additionalProperties: false,
}

const NOTES = `Bourse is installed in namespace {{ .Release.Namespace }}.

Let Kubernetes hold it to the restricted Pod Security standard:
  kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=restricted

Wait until it serves:
  kubectl -n {{ .Release.Namespace }} rollout status deployment -l app.kubernetes.io/part-of=bourse
`

const withMarks = (object: KubernetesObject): KubernetesObject => {
  const text = JSON.stringify(object)
    .replaceAll(`"namespace":"${NAMESPACE}"`, `"namespace":"${NAMESPACE_MARK}"`)
    .replaceAll(`.${NAMESPACE}.svc`, `.${NAMESPACE_MARK}.svc`)
    // In queries, and in the texts of Prometheus' own files.
    .replaceAll(`namespace=\\"${NAMESPACE}\\"`, `namespace=\\"${NAMESPACE_MARK}\\"`)
    .replaceAll(`namespace: ${NAMESPACE}\\n`, `namespace: ${NAMESPACE_MARK}\\n`)
    .replaceAll(`replacement: ${NAMESPACE}\\n`, `replacement: ${NAMESPACE_MARK}\\n`)
    .replaceAll(`"NAMESPACE":"${NAMESPACE}"`, `"NAMESPACE":"${NAMESPACE_MARK}"`)
  const marked = JSON.parse(text) as KubernetesObject
  if (marked.kind !== 'Job') return marked
  // A Job cannot be changed: each revision of a release has its own.
  return { ...marked, metadata: { ...marked.metadata, name: `${marked.metadata.name}-${REVISION_MARK}` } }
}

/** What looks like a template to Helm, and is not, is quoted; then the marks become templates. */
const templated = (text: string): string =>
  text
    .replaceAll('{{', "{{ '{{' }}".replaceAll("'", '`'))
    .replaceAll(PINNED_IMAGE_MARK, '{{ .Values.image }}')
    .replaceAll(IMAGE_MARK, '{{ .Values.image }}')
    .replaceAll(NAMESPACE_MARK, '{{ .Release.Namespace }}')
    .replaceAll(REVISION_MARK, '{{ .Release.Revision }}')
