import type { ImagePullPolicy } from 'cdk8s-plus-28'

/** What every workload of an environment shares. */
export type Surroundings = {
  readonly image: string
  readonly development: boolean
  readonly logLevel: string
  /** How the log is reached, by the names that services read. */
  readonly kafka: Readonly<Record<string, string>>
  readonly partitions: { readonly RISK_PARTITIONS: string; readonly MATCHING_PARTITIONS: string }
  /** How images come to nodes. */
  readonly pullPolicy: ImagePullPolicy
  /** A ConfigMap with the authorities of the database's certificate. */
  readonly databaseCa: DatabaseCa | null
  /** Whether somebody reads the operations ports, and whether ServiceMonitors tell it to. */
  readonly scraped: 'no' | 'by name' | 'by monitors'
}

export type DatabaseCa = { readonly configMap: string; readonly key: string }
