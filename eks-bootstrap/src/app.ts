import { App, type AppProps, Stage } from 'aws-cdk-lib'
import { type Environment } from './environment.ts'
import { REGIONS } from './regions.ts'
import { OrganizationStack } from './organization/organization-stack.ts'
import { ORGANIZATION } from './organization/organization.ts'
import { SecurityLoggingStack } from './organization/security-logging-stack.ts'
import { buildEnvironment } from './site.ts'

/**
 * The whole estate: the organization, and a stage for each environment. Deploy one with
 * `cdk deploy 'production/**'`.
 */
export function buildApp(environments: readonly Environment[], props: AppProps = {}): App {
  const app = new App(props)
  for (const environment of environments) {
    // Known zones: synthesis needs neither credentials nor a look-up.
    for (const [region, { zones }] of Object.entries(REGIONS)) {
      app.node.setContext(`availability-zones:account=${environment.account}:region=${region}`, zones)
    }
    buildEnvironment(new Stage(app, environment.name), environment)
  }
  buildOrganization(new Stage(app, 'organization'))
  return app
}

function buildOrganization(stage: Stage): void {
  const { accountIds, region } = ORGANIZATION
  const logging = new SecurityLoggingStack(stage, {
    organization: ORGANIZATION,
    env: { account: accountIds.securityLogging, region },
  })
  const organization = new OrganizationStack(stage, {
    organization: ORGANIZATION,
    env: { account: accountIds.management, region },
  })
  organization.addDependency(logging)
}

