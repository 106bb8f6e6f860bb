/** What MSK tells of a cluster. */
export type Connectivity = { readonly state: string; readonly version: string; readonly enabled: boolean }

/** What is asked of MSK. */
export type PrivateConnectivity = {
  readonly look: () => Promise<Connectivity>
  /** Restarts the brokers one after the other: half an hour. */
  readonly enable: (version: string) => Promise<void>
}

/** One look at the cluster, repeated until it answers true. Asks for the connectivity when the cluster can take it. */
export async function connect({ look, enable }: PrivateConnectivity): Promise<boolean> {
  const { state, version, enabled } = await look()
  if (state === 'FAILED' || state === 'DELETING') throw new Error(`the cluster is ${state}`)
  if (state !== 'ACTIVE') return false
  if (!enabled) await enable(version)
  return enabled
}
