import * as rds from 'aws-cdk-lib/aws-rds'
import { Construct } from 'constructs'
import { type AuroraProps, exchangeDatabase, rotateDatabasePassword } from '../data/aurora.ts'

/** Enough for Performance Insights, and for the writes of an exchange that follows 500 orders a second. */
const CAPACITY_MIN = 2
/** 64 GiB, four times what the writer of production has: after a failover it serves. */
const CAPACITY_MAX = 32

export const standbyExchangeName = (environmentName: string): string =>
  `bourse-${environmentName}-standby-exchange`

/**
 * The database of the exchange that follows in the recovery region, and serves there after a failover: it advances
 * inside the cut alone, as no copy of the lost one does. It is small until it serves, and has no proxy: two engines,
 * settlement and market data connect to the writer, gateways to the reader.
 */
export class StandbyExchangeDatabase extends Construct {
  readonly cluster: rds.DatabaseCluster

  constructor(scope: Construct, id: string, props: AuroraProps) {
    super(scope, id)
    const { name } = props.environment
    this.cluster = exchangeDatabase(this, {
      ...props,
      clusterIdentifier: standbyExchangeName(name),
      secretName: `bourse/${name}/standby-exchange`,
      machines: (every) => ({
        serverlessV2MinCapacity: CAPACITY_MIN,
        serverlessV2MaxCapacity: CAPACITY_MAX,
        writer: rds.ClusterInstance.serverlessV2('Writer', every),
        // As large as the writer at any time, so that it can take its place.
        readers: [rds.ClusterInstance.serverlessV2('Reader1', { ...every, scaleWithWriter: true })],
      }),
    })
    const { secret } = this.cluster
    if (secret === undefined) throw new Error('a database with generated credentials has a secret')
    const functionName = `bourse-${name}-rotate-standby-exchange`
    rotateDatabasePassword({ ...props, credentials: secret, functionName })
  }
}
