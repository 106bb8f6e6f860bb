/** What an exchange under a steady load does in a month. Everything below follows from the requests a second. */
export type Workload = {
  readonly requestsPerSecond: number
  /** Hours a day at that rate. The requirement's 12 million requests are 500 a second for 6.7 hours a month. */
  readonly requestsMillion: number
  readonly gatewayPods: number
  readonly vcpus: number
  readonly logGb: number
  readonly edgeGb: number
  readonly logRecordsGb: number
  readonly databaseRequestsMillion: number
  readonly archiveGb: number
  readonly tablesGb: number
  readonly users: number
}

const SECONDS_PER_MONTH = 730 * 3600
/** One pod takes 50 requests a second and has two vCPUs; ten stand at the least. */
const REQUESTS_PER_POD = 50
const PODS_MIN = 10
const VCPUS_PER_POD = 2
/** Streams, settlement, market data, archive, analytics, identity, web, Prometheus and the operators. */
const OTHER_VCPUS = 20
/** 50 GB at 500 requests a second: one line of 40 bytes a request after sampling, the rest events. */
const LOG_GB_PER_REQUEST_RATE = 0.1
const EDGE_GB_PER_REQUEST_RATE = 2
/** A request's entries in four topics, about 600 bytes, before replication. */
const LOG_BYTES_PER_REQUEST = 600
/** Settlement writes in batches: a page or so for every fifty requests. */
const DATABASE_REQUESTS_PER_REQUEST = 0.02
/** Measured: the records of a command in both inputs, compressed. */
const ARCHIVE_BYTES_PER_REQUEST = 90
/** Measured: what two tables have of a command, compressed. */
const TABLES_BYTES_PER_REQUEST = 166
const USERS = 2000

/** A month in which `share` of the time runs at the full rate: 1 for all day, every day. */
export function workload(requestsPerSecond: number, share = 1): Workload {
  const requests = requestsPerSecond * SECONDS_PER_MONTH * share
  const gatewayPods = Math.max(PODS_MIN, Math.ceil(requestsPerSecond / REQUESTS_PER_POD))
  return {
    requestsPerSecond,
    requestsMillion: requests / 1e6,
    gatewayPods,
    vcpus: gatewayPods * VCPUS_PER_POD + OTHER_VCPUS,
    logGb: requestsPerSecond * LOG_GB_PER_REQUEST_RATE,
    edgeGb: requestsPerSecond * EDGE_GB_PER_REQUEST_RATE,
    logRecordsGb: (requests * LOG_BYTES_PER_REQUEST) / 1e9,
    databaseRequestsMillion: (requests * DATABASE_REQUESTS_PER_REQUEST) / 1e6,
    archiveGb: (requests * ARCHIVE_BYTES_PER_REQUEST) / 1e9,
    tablesGb: (requests * TABLES_BYTES_PER_REQUEST) / 1e9,
    users: USERS,
  }
}

/** The reading of the requirement's table: 12 million requests a month at 500 a second. */
export const TWELVE_MILLION = 12e6 / (500 * SECONDS_PER_MONTH)
