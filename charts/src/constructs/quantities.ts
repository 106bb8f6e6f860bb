import { Size } from 'cdk8s'
import { Cpu, type ContainerResources, k8s } from 'cdk8s-plus-28'
import type { Resources } from '../values/schema.ts'

/** cdk8s gives a container half a core and two gigabytes unless it is told. Ephemeral storage: see `completePod`. */
export function containerResources({ requests, limits }: Resources): ContainerResources {
  return {
    cpu: { request: cpuOf(requests.cpu), limit: cpuOf(limits.cpu) },
    memory: { request: sizeOf(requests.memory), limit: sizeOf(limits.memory) },
  }
}

/** The same, as the API's own objects have it. */
export function plainResources({ requests, limits }: Resources) {
  const plain = ({ cpu, memory, ephemeralStorage }: Resources['requests']) =>
    quantities({ cpu, memory, 'ephemeral-storage': ephemeralStorage })
  return { requests: plain(requests), limits: plain(limits) }
}

export const coresOf = (cpu: string): number =>
  cpu.endsWith('m') ? Number.parseInt(cpu) / 1000 : Number(cpu)

export const bytesOf = (text: string): number => sizeOf(text).toKibibytes() * 1024

const cpuOf = (text: string): Cpu =>
  text.endsWith('m') ? Cpu.millis(Number.parseInt(text)) : Cpu.units(Number(text))

function sizeOf(text: string): Size {
  const amount = Number.parseInt(text)
  return text.endsWith('Gi') ? Size.gibibytes(amount) : Size.mebibytes(amount)
}

export const quantities = (values: Readonly<Record<string, string | number>>): Record<string, k8s.Quantity> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, k8s.Quantity.fromString(String(value))]),
  )
