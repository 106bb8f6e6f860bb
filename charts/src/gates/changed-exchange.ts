import assert from 'node:assert/strict'
import { nameOf, type Manifest } from './manifest.ts'
import { soundExchange } from './sound-exchange.ts'

/** One thing changed in the sound exchange. */
export type Change = (objects: Manifest[]) => void

/** Sets a field, its path given as `spec.containers.0.image`; undefined takes it away. */
export function set(name: string, path: string, value: unknown): Change {
  return (objects) => {
    const object = objects.find((each) => nameOf(each) === name)
    assert(object, `${name} is part of the sound exchange`)
    const keys = path.split('.')
    const last = keys.pop() ?? ''
    let place: Record<string, unknown> = object
    for (const key of keys) place = (place[key] ??= {}) as Record<string, unknown>
    if (value === undefined) Reflect.deleteProperty(place, last)
    else place[last] = value
  }
}

/** Of the pod that a workload makes. */
export const setPod = (name: string, path: string, value: unknown): Change =>
  set(name, `spec.template.spec.${path}`, value)

export const setContainer = (name: string, path: string, value: unknown): Change =>
  setPod(name, `containers.0.${path}`, value)

export const remove =
  (...names: readonly string[]): Change =>
  (objects) => {
    for (const name of names) {
      const index = objects.findIndex((each) => nameOf(each) === name)
      assert(index >= 0, `${name} is part of the sound exchange`)
      objects.splice(index, 1)
    }
  }

/** The same object once more, under another name unless that is the point. */
export const repeat =
  (name: string, as?: string): Change =>
  (objects) => {
    const object = objects.find((each) => nameOf(each) === name)
    assert(object, `${name} is part of the sound exchange`)
    const copy = structuredClone(object)
    objects.push(as === undefined ? copy : { ...copy, metadata: { ...copy.metadata, name: as } })
  }

export const add =
  (object: Manifest & Readonly<Record<string, unknown>>): Change =>
  (objects) => {
    objects.push(object)
  }

export function changed(change: Change): readonly Manifest[] {
  const objects = soundExchange()
  change(objects)
  return objects
}
