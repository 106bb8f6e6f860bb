import { z } from 'zod'

const time = z.iso.datetime().transform((text) => Date.parse(text))
const condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  lastTransitionTime: time.nullish(),
})

const object = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: time,
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({
    phase: z.string().default('Unknown'),
    podIP: z.string().optional(),
    conditions: z.array(condition).default([]),
    containerStatuses: z
      .array(z.object({ name: z.string(), restartCount: z.number(), containerID: z.string().optional() }))
      .default([]),
  }),
})

export type Pod = {
  readonly name: string
  readonly uid: string
  readonly app: string
  readonly component: string
  /** As an annotation names it. */
  readonly release: string | undefined
  readonly node: string | undefined
  readonly ip: string | undefined
  readonly phase: string
  readonly ready: boolean
  /** Milliseconds since 1970, to the second. */
  readonly createdAt: number
  /** Since when it is `ready`, or is not. */
  readonly readyAt: number
  readonly leaving: boolean
  readonly restarts: number
  readonly containerId: string | undefined
}

export const podList = z
  .object({ items: z.array(object) })
  .transform(({ items }) => items.map((item): Pod => podOf(item)))

function podOf({ metadata, spec, status }: z.infer<typeof object>): Pod {
  const [container] = status.containerStatuses
  const ready = status.conditions.find(({ type }) => type === 'Ready')
  return {
    name: metadata.name,
    uid: metadata.uid,
    app: metadata.labels['app.kubernetes.io/name'] ?? '',
    component: metadata.labels['app.kubernetes.io/component'] ?? '',
    release: metadata.annotations['bourse.dev/release'],
    node: spec.nodeName,
    ip: status.podIP,
    phase: status.phase,
    ready: ready?.status === 'True',
    createdAt: metadata.creationTimestamp,
    readyAt: ready?.lastTransitionTime ?? Number.NaN,
    leaving: metadata.deletionTimestamp !== undefined,
    restarts: container?.restartCount ?? 0,
    containerId: container?.containerID?.replace(/^\w+:\/\//, ''),
  }
}
