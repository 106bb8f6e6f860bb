import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as athena from 'aws-cdk-lib/aws-athena'
import * as glue from 'aws-cdk-lib/aws-glue'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'

/** A query stops here, so that no typo scans the archive for hundreds of dollars. */
const SCAN_LIMIT_BYTES = 1024 ** 4 / 10
const RESULTS_KEPT_DAYS = 7
const FIRST_DAY = '2026-01-01'

type ArchiveCatalogueProps = {
  readonly archive: s3.IBucket
  readonly accessLogs: s3.IBucket
  readonly encryptionKey: kms.IKey
  readonly environmentName: string
  /** The files of this epoch are the tables. */
  readonly epoch: number
}

type Column = readonly [name: string, type: string]

/** Trades as the service `analytics` writes them: decimals in text, as everywhere at the edge. */
const TRADES: readonly Column[] = [
  ['trade_id', 'string'],
  ['symbol', 'string'],
  ['price', 'string'],
  ['quantity', 'string'],
  ['maker_order_id', 'string'],
  ['taker_order_id', 'string'],
  ['taker_side', 'string'],
  ['executed_at', 'timestamp'],
]

const EVENTS: readonly Column[] = [
  ['topic', 'string'],
  ['partition_number', 'int'],
  ['record_offset', 'bigint'],
  ['sequence', 'bigint'],
  ['type', 'string'],
  ['body', 'string'],
  ['appended_at', 'timestamp'],
]

/**
 * The Parquet that the service `analytics` writes as tables. Partitions are computed from their names, so no crawler has
 * to run, and no stream of binary frames is ever poured into the bucket undecoded.
 */
export class ArchiveCatalogue extends Construct {
  constructor(scope: Construct, id: string, props: ArchiveCatalogueProps) {
    super(scope, id)
    const name = `bourse_${props.environmentName}`
    const database = new glue.CfnDatabase(this, 'Database', {
      catalogId: Aws.ACCOUNT_ID,
      databaseInput: { name, description: 'What the exchange wrote, decoded' },
    })
    for (const [table, columns] of [
      ['trades', TRADES],
      ['events', EVENTS],
    ] as const) {
      const location = `s3://${props.archive.bucketName}/epoch-${props.epoch}/${table}/`
      const created = this.#table(table, columns, location, name)
      created.addResourceDependency(database)
    }
    new glue.CfnDataCatalogEncryptionSettings(this, 'Encryption', {
      catalogId: Aws.ACCOUNT_ID,
      dataCatalogEncryptionSettings: {
        encryptionAtRest: { catalogEncryptionMode: 'SSE-KMS', sseAwsKmsKeyId: props.encryptionKey.keyArn },
        connectionPasswordEncryption: {
          returnConnectionPasswordEncrypted: true,
          kmsKeyId: props.encryptionKey.keyArn,
        },
      },
    })
    this.#workGroup(props)
  }

  #table(table: string, columns: readonly Column[], location: string, databaseName: string): glue.CfnTable {
    return new glue.CfnTable(this, table, {
      catalogId: Aws.ACCOUNT_ID,
      databaseName,
      tableInput: {
        name: table,
        tableType: 'EXTERNAL_TABLE',
        partitionKeys: [{ name: 'day', type: 'string' }],
        parameters: {
          classification: 'parquet',
          'projection.enabled': 'true',
          'projection.day.type': 'date',
          'projection.day.format': 'yyyy-MM-dd',
          'projection.day.range': `${FIRST_DAY},NOW`,
          'storage.location.template': `${location}day=\${day}/`,
        },
        storageDescriptor: {
          location,
          columns: columns.map(([name, type]) => ({ name, type })),
          inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
          outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
          serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
        },
      },
    })
  }

  #workGroup({ encryptionKey, accessLogs, environmentName }: ArchiveCatalogueProps): void {
    const results = new s3.Bucket(this, 'QueryResults', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(RESULTS_KEPT_DAYS), noncurrentVersionExpiration: Duration.days(1) },
      ],
      removalPolicy: RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
    })
    const resource = results.node.defaultChild as s3.CfnBucket
    resource.loggingConfiguration = {
      destinationBucketName: accessLogs.bucketName,
      logFilePrefix: 'query-results/',
    }
    new athena.CfnWorkGroup(this, 'WorkGroup', {
      name: `bourse-${environmentName}`,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: Math.round(SCAN_LIMIT_BYTES),
        resultConfiguration: {
          outputLocation: `s3://${results.bucketName}/`,
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKey: encryptionKey.keyArn },
        },
      },
    })
  }
}
