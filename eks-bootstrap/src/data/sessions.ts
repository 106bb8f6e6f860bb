import { RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { sessionRoleName } from '../cluster/workload-policies.ts'
import { keyAlias } from '../security/keys-stack.ts'

const RECOVERY_DAYS = 35
/** Who may take a user's role. */
const SESSION_SERVICES = ['gateway', 'identity']

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
      tableName: sessionsTableName(name),
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
    this.#userRole(environment, [environment.primaryRegion, ...replicas.map(({ region }) => region)])
  }

  /**
   * The role a service takes for one user: it reads and writes the rows of the user whose id the session is tagged
   * with. A request without any key would match an empty list, so the key must be there.
   */
  #userRole({ name, account }: Environment, regions: readonly string[]): void {
    new iam.Role(this, 'UserRole', {
      roleName: sessionRoleName(name),
      assumedBy: new iam.SessionTagsPrincipal(
        new iam.AccountPrincipal(account).withConditions({
          StringLike: { 'aws:RequestTag/userId': '*' },
          ArnLike: {
            'aws:PrincipalArn': SESSION_SERVICES.map((service) => workloadRoleArn(name, account, service)),
          },
        }),
      ),
      inlinePolicies: {
        own: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              actions: ['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].map(
                (verb) => `dynamodb:${verb}`,
              ),
              resources: regions.map(
                (region) => `arn:aws:dynamodb:${region}:${account}:table/${sessionsTableName(name)}`,
              ),
              conditions: {
                'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/userId}'] },
                Null: { 'dynamodb:LeadingKeys': 'false' },
              },
            }),
          ],
        }),
      },
    })
  }
}

/** The same in every region. */
export function sessionsTableName(environmentName: string): string {
  return `bourse-${environmentName}-sessions`
}

function workloadRoleArn(environmentName: string, account: string, service: string): string {
  return `arn:aws:iam::${account}:role/bourse-${environmentName}-${service}-*`
}
