import { AppProject } from '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/AppProject'
import { Application } from '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application'
import { ApplicationSet } from '@kubernetes-models/argo-cd/argoproj.io/v1alpha1/ApplicationSet'
import { ExternalSecret } from '@kubernetes-models/external-secrets/external-secrets.io/v1/ExternalSecret'
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'
import { TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import { join } from 'node:path'
import ts from 'typescript'
import { nameOf, type Manifest } from './manifest.ts'

type Model = { readonly validate: () => void }

/** By apiVersion and kind: where the type is, and the class that validates. */
const MODELS: Readonly<Record<string, { readonly types: string; readonly create: (data: never) => Model }>> =
  {
    'argoproj.io/v1alpha1/AppProject': { types: 'argo-cd', create: (data) => new AppProject(data) },
    'argoproj.io/v1alpha1/Application': { types: 'argo-cd', create: (data) => new Application(data) },
    'argoproj.io/v1alpha1/ApplicationSet': { types: 'argo-cd', create: (data) => new ApplicationSet(data) },
    'external-secrets.io/v1/ExternalSecret': {
      types: 'external-secrets',
      create: (data) => new ExternalSecret(data),
    },
    'keda.sh/v1alpha1/ScaledObject': { types: 'keda', create: (data) => new ScaledObject(data) },
    'keda.sh/v1alpha1/TriggerAuthentication': {
      types: 'keda',
      create: (data) => new TriggerAuthentication(data),
    },
    'monitoring.coreos.com/v1/PrometheusRule': {
      types: 'prometheus-operator',
      create: (data) => new PrometheusRule(data),
    },
    'monitoring.coreos.com/v1/ServiceMonitor': {
      types: 'prometheus-operator',
      create: (data) => new ServiceMonitor(data),
    },
  }

export const isCustom = ({ apiVersion }: Manifest): boolean => {
  const group = apiVersion.split('/')[0] ?? ''
  return group.includes('.') && !group.endsWith('.k8s.io')
}

/**
 * What the schemas of custom resources refuse. Their validators let unknown fields pass; the compiler does not, when each
 * object is written down as a literal of its type.
 */
export function customResourceProblems(objects: readonly Manifest[]): readonly string[] {
  return [
    ...objects.flatMap(refusals),
    ...unknownFields(objects.filter((object) => modelOf(object) !== undefined)),
  ]
}

const modelOf = ({ apiVersion, kind }: Manifest) => MODELS[`${apiVersion}/${kind}`]

function refusals(object: Manifest): readonly string[] {
  const model = modelOf(object)
  if (model === undefined)
    return [`${nameOf(object)}: nothing is known of ${object.apiVersion} ${object.kind}`]
  try {
    model.create(object as never).validate()
    return []
  } catch (error) {
    return [`${nameOf(object)}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

function unknownFields(objects: readonly Manifest[]): readonly string[] {
  const file = join(import.meta.dirname, 'objects-as-literals.ts')
  const lines = objects.map(literal)
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: [] },
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (name, target, ...others) =>
    name === file
      ? ts.createSourceFile(name, lines.join('\n'), target)
      : getSourceFile(name, target, ...others)
  const program = ts.createProgram([file], options, host)
  return [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics()].map((found) => {
    const object = objects[found.file?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0]
    return `${object === undefined ? file : nameOf(object)}: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`
  })
}

/** One line, so that a line's number is the object's. */
function literal(object: Manifest): string {
  const { apiVersion, kind } = object
  const type = `import('@kubernetes-models/${modelOf(object)?.types ?? ''}/${apiVersion}/${kind}').I${kind}`
  return `(${JSON.stringify(object)} satisfies ${type});`
}
