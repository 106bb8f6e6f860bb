import { Stack, Stage } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { buildApp } from '../app.ts'
import { type Environment } from '../environment.ts'
import { ENVIRONMENTS } from '../environments.ts'

/** Neither copies assets nor bundles functions: templates are all that the tests read. */
export const TEST_CONTEXT = { 'aws:cdk:disable-asset-staging': true, 'aws:cdk:bundling-stacks': [] }

export type Templates = ReadonlyMap<string, Template>

const synthesized = new Map<string, Templates>()

/** The environment as it is configured. */
export function environment(name: Environment['name']): Environment {
  const found = ENVIRONMENTS.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no environment ${name}`)
  return found
}

/** Every template of an environment by construct id, such as `Network` or `StandbyNetwork`; synthesized once a process. */
export function templates(name: Environment['name']): Templates {
  const known = synthesized.get(name)
  if (known !== undefined) return known
  const made = synthesize(environment(name))
  synthesized.set(name, made)
  return made
}

/** One template of an environment. */
export function template(name: Environment['name'], stackId: string): Template {
  const found = templates(name).get(stackId)
  if (found === undefined) throw new Error(`${name} has no stack ${stackId}`)
  return found
}

/** Templates of a configuration that no environment has: flags turned on, sizes changed. */
export function synthesize(configuration: Environment): Templates {
  const app = buildApp([configuration], { context: TEST_CONTEXT })
  const stage = app.node.findChild(configuration.name)
  if (!Stage.isStage(stage)) throw new Error(`${configuration.name} is no stage`)
  const stacks = stage.node.children.filter((child) => Stack.isStack(child))
  return new Map(stacks.map((stack) => [stack.node.id, Template.fromStack(stack)]))
}
