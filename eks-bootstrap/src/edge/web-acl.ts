import * as wafv2 from 'aws-cdk-lib/aws-wafv2'
import { RemovalPolicy, Stack } from 'aws-cdk-lib'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'

/** Rule groups that AWS maintains: common exploits with XSS, SQL injection, known bad inputs and addresses. */
const MANAGED_RULES = [
  'AWSManagedRulesCommonRuleSet',
  'AWSManagedRulesSQLiRuleSet',
  'AWSManagedRulesKnownBadInputsRuleSet',
  'AWSManagedRulesAmazonIpReputationList',
] as const

type WebAclProps = {
  readonly scope: 'CLOUDFRONT' | 'REGIONAL'
  readonly environment: Environment
  readonly logsKey: kms.IKey
}

/** The firewall before CloudFront and before the load balancer: rate, countries, then the managed rules. */
export class WebAcl extends Construct {
  readonly arn: string

  constructor(parent: Construct, id: string, { scope, environment, logsKey }: WebAclProps) {
    super(parent, id)
    const { edge, operations, name } = environment
    const metric = (metricName: string) => ({
      metricName,
      cloudWatchMetricsEnabled: true,
      sampledRequestsEnabled: true,
    })
    const acl = new wafv2.CfnWebACL(this, 'Acl', {
      name: `bourse-${name}-${scope.toLowerCase()}`,
      scope,
      defaultAction: { allow: {} },
      visibilityConfig: metric('all'),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          statement: {
            rateBasedStatement: {
              limit: edge.requestsPerFiveMinutesPerAddress,
              evaluationWindowSec: 300,
              aggregateKeyType: 'IP',
            },
          },
          visibilityConfig: metric('rate'),
        },
        ...(edge.deniedCountries.length === 0
          ? []
          : [
              {
                name: 'countries',
                priority: 1,
                action: { block: {} },
                statement: { geoMatchStatement: { countryCodes: [...edge.deniedCountries] } },
                visibilityConfig: metric('countries'),
              },
            ]),
        ...MANAGED_RULES.map((managed, index) => ({
          name: managed,
          priority: 10 + index,
          overrideAction: { none: {} },
          statement: { managedRuleGroupStatement: { vendorName: 'AWS', name: managed } },
          visibilityConfig: metric(managed),
        })),
      ],
    })
    this.arn = acl.attrArn
    this.#log(acl, `aws-waf-logs-bourse-${name}-${scope.toLowerCase()}`, operations.logRetentionDays, logsKey)
  }

  /** Tokens and cookies are masked before a request is written down. */
  #log(acl: wafv2.CfnWebACL, logGroupName: string, retention: number, encryptionKey: kms.IKey): void {
    const group = new logs.LogGroup(this, 'Logs', {
      logGroupName,
      retention,
      encryptionKey,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const { region, account } = Stack.of(this)
    const configuration = new wafv2.CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [`arn:aws:logs:${region}:${account}:log-group:${logGroupName}`],
      redactedFields: ['authorization', 'cookie'].map((Name) => ({ singleHeader: { Name } })),
    })
    configuration.node.addDependency(group)
  }
}
