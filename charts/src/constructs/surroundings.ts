/** What every workload of an environment shares. */
export type Surroundings = {
  readonly image: string
  readonly development: boolean
  readonly logLevel: string
  /** How the log is reached, by the names that services read. */
  readonly kafka: Readonly<Record<string, string>>
  readonly partitions: { readonly RISK_PARTITIONS: string; readonly MATCHING_PARTITIONS: string }
  readonly databaseCa: DatabaseCa | null
  readonly serviceMonitors: boolean
}

export type DatabaseCa = { readonly configMap: string; readonly key: string }
