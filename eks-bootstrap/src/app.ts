import { App, type AppProps, Stage, Validations } from 'aws-cdk-lib'
import { RulePack } from './checks/rule-pack.ts'
import { type Environment } from './environment.ts'
import { OrganizationStack } from './organization/organization-stack.ts'
import { ORGANIZATION } from './organization/organization.ts'
import { OrganizationTrailStack } from './organization/trail-stack.ts'
import { SecurityLoggingStack } from './organization/security-logging-stack.ts'
import { REGIONS } from './regions.ts'
import { buildEnvironment } from './site.ts'

/** CDK's feature flags: here and not in cdk.json, so that tests read the templates that are deployed. */
const FLAGS = {
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:target-partitions': ['aws'],
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/aws-iam:standardizedServicePrincipals': true,
  '@aws-cdk/aws-kms:aliasNameRef': true,
  '@aws-cdk/aws-kms:reduceCrossAccountRegionPolicyScope': true,
  '@aws-cdk/aws-lambda:recognizeLayerVersion': true,
  '@aws-cdk/aws-rds:databaseProxyUniqueResourceName': true,
  '@aws-cdk/aws-secretsmanager:useAttachedSecretResourcePolicyForSecretTargetAttachments': true,
  '@aws-cdk/customresources:installLatestAwsSdkDefault': false,
}

/**
 * The whole estate: the organization, and a stage for each environment. Deploy one with
 * `cdk deploy 'production/**'`. Every synthesis runs the rule pack.
 */
export function buildApp(environments: readonly Environment[], props: AppProps = {}): App {
  const app = new App({ ...props, context: { ...FLAGS, ...knownZones(environments), ...props.context } })
  Validations.of(app).addPlugins(new RulePack(app))
  for (const environment of environments) buildEnvironment(new Stage(app, environment.name), environment)
  buildOrganization(new Stage(app, 'organization'))
  return app
}

/** The zones as context: synthesis needs neither credentials nor a look-up. */
function knownZones(environments: readonly Environment[]): Record<string, readonly string[]> {
  const entries = environments.flatMap(({ account }) =>
    Object.entries(REGIONS).map(([region, { zones }]) => [
      `availability-zones:account=${account}:region=${region}`,
      [...zones],
    ]),
  )
  return Object.fromEntries(entries) as Record<string, readonly string[]>
}

function buildOrganization(stage: Stage): void {
  const { accountIds, region } = ORGANIZATION
  const management = { organization: ORGANIZATION, env: { account: accountIds.management, region } }
  const organization = new OrganizationStack(stage, management)
  const logging = new SecurityLoggingStack(stage, {
    organization: ORGANIZATION,
    env: { account: accountIds.securityLogging, region },
  })
  logging.addStackDependency(organization)
  new OrganizationTrailStack(stage, management).addStackDependency(logging)
}
