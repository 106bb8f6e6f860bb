export const NAMESPACE = 'bourse'
export const PART_OF = 'bourse'
export const NAME_LABEL = 'app.kubernetes.io/name'
export const SLOT_LABEL = 'bourse.dev/slot'
/** Names a Deployment in Prometheus: its value becomes the label `job`. */
export const WORKLOAD_LABEL = 'bourse.dev/workload'

export type Component = 'gateway' | 'engine' | 'consumer' | 'datastore' | 'job'

export const labelsOf = (name: string, component: Component): Record<string, string> => ({
  [NAME_LABEL]: name,
  'app.kubernetes.io/part-of': PART_OF,
  'app.kubernetes.io/component': component,
})

/**
 * The order in which Argo CD applies: what a later wave needs is there. An order passes risk and matching, so if both were
 * replaced at once it would wait for two handovers.
 */
export const WAVE = {
  foundation: -3,
  data: -2,
  prepare: -1,
  matching: 0,
  services: 1,
  scalers: 2,
  demo: 3,
} as const

export const inWave = (wave: keyof typeof WAVE): Record<string, string> => ({
  'argocd.argoproj.io/sync-wave': String(WAVE[wave]),
})
