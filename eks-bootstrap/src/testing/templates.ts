import { Stack, Stage } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { buildApp } from '../app.ts'
import { type Environment } from '../environment.ts'
import { ENVIRONMENTS } from '../environments.ts'

/** Neither copies assets nor bundles functions: templates are all that the tests read. */
export const TEST_CONTEXT = { 'aws:cdk:disable-asset-staging': true, 'aws:cdk:bundling-stacks': [] }

/** By construct id, such as `Network` or `StandbyNetwork`. */
export type Templates = ReadonlyMap<string, Template>

export type StageName = Environment['name'] | 'organization'

export const everyFeatureEnvironment: Environment = withEveryFeature()
let configured: ReadonlyMap<string, Templates> | undefined
let complete: Templates | undefined

/** The environment as it is configured. */
export function environment(name: Environment['name']): Environment {
  const found = ENVIRONMENTS.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no environment ${name}`)
  return found
}

/** Every template of a stage; all stages are synthesized together, once a process. */
export function templates(name: StageName): Templates {
  configured ??= synthesize(ENVIRONMENTS)
  const found = configured.get(name)
  if (found === undefined) throw new Error(`no stage ${name}`)
  return found
}

/** Production with every flag on, once a process. */
export function everyFeature(): Templates {
  complete ??= synthesize([everyFeatureEnvironment]).get('production')
  if (complete === undefined) throw new Error('no stage production')
  return complete
}

/** One template of a stage. */
export function template(name: StageName, stackId: string): Template {
  return pick(templates(name), stackId)
}

export function pick(from: Templates, stackId: string): Template {
  const found = from.get(stackId)
  if (found === undefined) throw new Error(`no stack ${stackId} among ${[...from.keys()].join(', ')}`)
  return found
}

/** Templates of the environments given, by stage: the configured ones, or one with flags and sizes of the test's own. */
export function synthesize(environments: readonly Environment[]): ReadonlyMap<string, Templates> {
  const app = buildApp(environments, { context: TEST_CONTEXT })
  const stages = app.node.children.filter((child) => Stage.isStage(child))
  return new Map(
    stages.map((stage) => {
      const stacks = stage.node.children.filter((child) => Stack.isStack(child))
      return [stage.node.id, new Map(stacks.map((stack) => [stack.node.id, Template.fromStack(stack)]))]
    }),
  )
}

function withEveryFeature(): Environment {
  const production = environment('production')
  const features = Object.fromEntries(Object.keys(production.features).map((flag) => [flag, true]))
  return {
    ...production,
    features: features as Environment['features'],
    edge: { ...production.edge, googleClientSecretName: 'google-sign-in' },
    data: {
      ...production.data,
      redis: { ...production.data.redis, shards: 3 },
      kafka: { ...production.data.kafka, tieredStorage: true },
    },
  }
}
