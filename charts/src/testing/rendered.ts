import assert from 'node:assert/strict'
import { renderEnvironment, type EnvironmentName, type KubernetesObject } from '../render.ts'
import type { Tree } from '../values/load.ts'

/** A value somewhere in an object, whose type the test asserts. */
type Field = string | number | boolean | readonly Field[] | { readonly [key: string]: Field } | undefined

const cache = new Map<string, readonly KubernetesObject[]>()

export function rendered(environment: EnvironmentName, over: Tree = {}): readonly KubernetesObject[] {
  const key = JSON.stringify([environment, over])
  const objects = cache.get(key) ?? renderEnvironment(environment, over)
  cache.set(key, objects)
  return objects
}

export const named = (objects: readonly KubernetesObject[], kind: string): readonly string[] =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name)

export function one(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const [found, ...others] = objects.filter((object) => object.kind === kind && object.metadata.name === name)
  assert.ok(found !== undefined && others.length === 0, `not one object ${kind}/${name}`)
  return found
}

/** `at(object, 'spec.template.spec.containers.0.name')`. */
export const at = (object: KubernetesObject, path: string): Field =>
  path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object) as Field
