import { RemovalPolicy } from 'aws-cdk-lib'
import * as ecr from 'aws-cdk-lib/aws-ecr'
import * as efs from 'aws-cdk-lib/aws-efs'
import type * as kms from 'aws-cdk-lib/aws-kms'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { type Construct } from 'constructs'
import { type NetworkStack } from '../network/network-stack.ts'
import { BourseStack, type SiteProps } from '../stack.ts'
import { AccessLogBucket } from './access-log-bucket.ts'
import { ArchiveBucket } from './archive-bucket.ts'
import { ArchiveCatalogue } from './archive-catalogue.ts'
import { BucketReplication } from './bucket-replication.ts'

/** One image, of which every service is a command. */
const IMAGE = 'bourse'
const IMAGES_KEPT = 50

type StorageStackProps = SiteProps & { readonly network: NetworkStack; readonly key: kms.IKey }

/** Everything kept as objects, files or images, and the catalogue that makes the archive a table. */
export class StorageStack extends BourseStack {
  readonly accessLogs: s3.Bucket
  /** What is asked by Athena: events and trades as compressed Parquet. Receipts and statements are still to come. */
  readonly archive: s3.Bucket
  /** What must be provable for years, and what an exchange is made of again: nobody can change or delete it. */
  readonly audit: s3.Bucket
  /** For engines' snapshots when they outgrow the database, which keeps them today. */
  readonly snapshots: s3.Bucket
  readonly files: efs.FileSystem

  constructor(scope: Construct, props: StorageStackProps) {
    super(scope, 'Storage', {
      ...props,
      description: 'Buckets, shared files, images and the analytics catalogue',
      dataClassification: 'confidential',
    })
    const { immutable, auditRetentionYears } = this.config.data
    this.accessLogs = new AccessLogBucket(this, 'AccessLogs', {
      bucketName: this.globalName('access-logs'),
      disposable: !immutable,
    })
    const shared = { encryptionKey: props.key, accessLogs: this.accessLogs, immutable, auditRetentionYears }
    this.archive = new ArchiveBucket(this, 'Archive', { ...shared, bucketName: this.globalName('archive') })
    this.audit = new ArchiveBucket(this, 'Audit', {
      ...shared,
      bucketName: this.globalName('audit'),
      locked: immutable,
    })
    this.snapshots = new ArchiveBucket(this, 'Snapshots', {
      ...shared,
      bucketName: this.globalName('snapshots'),
    })
    this.files = this.#files(props)
    // In both regions: a copy into a repository that is not there would make one with other settings.
    this.#repository(props.key)
    if (this.role === 'primary') this.#primaryOnly(props)
  }

  #primaryOnly({ key }: StorageStackProps): void {
    new ArchiveCatalogue(this, 'Catalogue', {
      archive: this.archive,
      accessLogs: this.accessLogs,
      encryptionKey: key,
      environmentName: this.config.name,
      epoch: this.config.data.tablesEpoch,
    })
    if (!this.config.features.standbyRegion) return
    this.#replicateImages()
    const buckets = { archive: this.archive, audit: this.audit, snapshots: this.snapshots }
    new BucketReplication(this, 'Replication', { buckets, sourceKey: key, environment: this.config })
  }

  /** A region that cannot pull its images cannot start. */
  #replicateImages(): void {
    const destination = { region: this.config.recoveryRegion, registryId: this.account }
    new ecr.CfnReplicationConfiguration(this, 'ImageReplication', {
      replicationConfiguration: {
        rules: [
          {
            destinations: [destination],
            repositoryFilters: [{ filter: IMAGE, filterType: 'PREFIX_MATCH' }],
          },
        ],
      },
    })
  }

  #files({ network, key }: StorageStackProps): efs.FileSystem {
    return new efs.FileSystem(this, 'Files', {
      fileSystemName: this.localName('files'),
      vpc: network.vpc,
      vpcSubnets: { subnetGroupName: 'application' },
      securityGroup: network.securityGroups.files,
      encrypted: true,
      kmsKey: key,
      enableAutomaticBackups: false,
      lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
      throughputMode: efs.ThroughputMode.ELASTIC,
      allowAnonymousAccess: false,
      removalPolicy: this.#removal,
    })
  }

  /** Tags never move and every push is scanned: a critical finding raises an alarm and stops the rollout. */
  #repository(encryptionKey: kms.IKey): void {
    new ecr.Repository(this, 'Image', {
      repositoryName: IMAGE,
      imageScanOnPush: true,
      imageTagMutability: ecr.TagMutability.IMMUTABLE,
      encryption: ecr.RepositoryEncryption.KMS,
      encryptionKey,
      lifecycleRules: [{ maxImageCount: IMAGES_KEPT }],
      removalPolicy: this.#removal,
      emptyOnDelete: !this.config.data.immutable,
    })
  }

  /** What bears a name of its own must go with its stack, or the stack could not be made again. */
  get #removal(): RemovalPolicy {
    return this.config.data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
  }
}
