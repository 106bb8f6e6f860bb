import { RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { keyAlias } from '../security/keys-stack.ts'

const RECOVERY_DAYS = 35

type SessionsProps = { readonly environment: Environment; readonly dataKey: kms.IKey }

/** Sessions: one partition a user, gone by themselves when they expire. */
export class Sessions extends Construct {
  readonly table: dynamodb.TableV2

  constructor(scope: Construct, id: string, { environment, dataKey }: SessionsProps) {
    super(scope, id)
    const { account, recoveryRegion, name, data, features } = environment
    const replicas = features.globalTables ? [{ region: recoveryRegion }] : []
    const replicaKeys = Object.fromEntries(
      replicas.map(({ region }) => [region, `arn:aws:kms:${region}:${account}:${keyAlias(name, 'data')}`]),
    )
    this.table = new dynamodb.TableV2(this, 'Table', {
      tableName: `bourse-${name}-sessions`,
      partitionKey: { name: 'userId', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sessionId', type: dynamodb.AttributeType.STRING },
      billing: dynamodb.Billing.onDemand(),
      timeToLiveAttribute: 'expiresAt',
      encryption: dynamodb.TableEncryptionV2.customerManagedKey(dataKey, replicaKeys),
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: true,
        recoveryPeriodInDays: RECOVERY_DAYS,
      },
      deletionProtection: data.immutable,
      removalPolicy: data.immutable ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      replicas,
    })
  }

  /** Reads and writes, but only the rows of the user whose id the session of the role is tagged with. */
  leadingKeysStatement(): iam.PolicyStatement {
    return new iam.PolicyStatement({
      actions: [
        'dynamodb:GetItem',
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
      ],
      resources: [this.table.tableArn],
      conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/userId}'] } },
    })
  }
}
