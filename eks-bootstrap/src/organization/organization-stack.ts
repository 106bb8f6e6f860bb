import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import * as budgets from 'aws-cdk-lib/aws-budgets'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as organizations from 'aws-cdk-lib/aws-organizations'
import * as resources from 'aws-cdk-lib/custom-resources'
import { type Construct, type IDependable } from 'constructs'
import { type Organization } from './organization.ts'
import { BREAK_GLASS_ROLE, GUARDRAILS, TAG_POLICY } from './policies.ts'
import { tag } from '../stack.ts'

const BREAK_GLASS_HOURS = 1

type OrganizationStackProps = StackProps & { readonly organization: Organization }

/** The management account: units, accounts, guardrails, the way in when all else fails, and the budget over all. */
export class OrganizationStack extends Stack {
  readonly #organization: Organization

  constructor(scope: Construct, { organization, ...props }: OrganizationStackProps) {
    super(scope, 'Organization', {
      ...props,
      stackName: 'bourse-organization',
      description: 'Organization units, accounts, guardrails and budget',
      terminationProtection: true,
    })
    this.#organization = organization
    tag(this, { name: 'shared', ...organization, dataClassification: 'internal' })
    const root = new organizations.CfnOrganization(this, 'Root', { featureSet: 'ALL' })
    root.applyRemovalPolicy(RemovalPolicy.RETAIN)
    const units = this.#units(root.attrRootId)
    this.#accounts(units)
    const switches = this.#switches(root)
    this.#guardrails(units, root.attrRootId, switches)
    this.#breakGlass()
    this.#budget()
  }

  #units(rootId: string): Readonly<Record<string, organizations.CfnOrganizationalUnit>> {
    const inTurn = oneByOne()
    const unit = (name: string, parentId: string) => {
      const made = new organizations.CfnOrganizationalUnit(this, `Unit-${name}`, { name, parentId })
      made.applyRemovalPolicy(RemovalPolicy.RETAIN)
      return inTurn(made)
    }
    const workloads = unit('Workloads', rootId)
    return {
      Security: unit('Security', rootId),
      Infrastructure: unit('Infrastructure', rootId),
      Workloads: workloads,
      Sandbox: unit('Sandbox', rootId),
      Dev: unit('Dev', workloads.attrId),
      Staging: unit('Staging', workloads.attrId),
      Prod: unit('Prod', workloads.attrId),
    }
  }

  /** Existing accounts are imported by `cdk import`; new ones are made here. Neither is ever closed by a deployment. */
  #accounts(units: Readonly<Record<string, organizations.CfnOrganizationalUnit>>): void {
    const inTurn = oneByOne()
    for (const { name, unit, email } of this.#organization.accounts) {
      const parent = units[unit]
      if (parent === undefined) throw new Error(`account ${name} names unit ${unit}, and there is none`)
      const account = new organizations.CfnAccount(this, `Account-${name}`, {
        accountName: name,
        email,
        parentIds: [parent.attrId],
      })
      account.applyRemovalPolicy(RemovalPolicy.RETAIN)
      inTurn(account)
    }
  }

  /** What no resource turns on: the kinds of policy, and CloudTrail's sight of every account. */
  #switches(root: organizations.CfnOrganization): resources.AwsCustomResource[] {
    const inTurn = oneByOne(root)
    const call = (id: string, action: string, parameters: object, allowed: iam.PolicyStatement) =>
      inTurn(
        new resources.AwsCustomResource(this, id, {
          onCreate: {
            service: 'Organizations',
            action,
            parameters,
            physicalResourceId: resources.PhysicalResourceId.of(id),
            ignoreErrorCodesMatching: 'PolicyTypeAlreadyEnabled',
          },
          installLatestAwsSdk: false,
          policy: resources.AwsCustomResourcePolicy.fromStatements([allowed]),
        }),
      )
    const RootId = root.attrRootId
    const enable = new iam.PolicyStatement({
      actions: ['organizations:EnablePolicyType'],
      resources: [`arn:aws:organizations::${this.account}:root/${root.attrId}/${RootId}`],
    })
    const ServicePrincipal = 'cloudtrail.amazonaws.com'
    const trust = new iam.PolicyStatement({
      actions: ['organizations:EnableAWSServiceAccess'],
      resources: ['*'],
      conditions: { StringEquals: { 'organizations:ServicePrincipal': ServicePrincipal } },
    })
    const guardrails = { RootId, PolicyType: 'SERVICE_CONTROL_POLICY' }
    return [
      call('EnableGuardrails', 'enablePolicyType', guardrails, enable),
      call('EnableTagPolicies', 'enablePolicyType', { RootId, PolicyType: 'TAG_POLICY' }, enable),
      call('TrustCloudTrail', 'enableAWSServiceAccess', { ServicePrincipal }, trust),
    ]
  }

  /** First in Sandbox alone; after two people approved the change of `rollout`, over every unit. */
  #guardrails(
    units: Readonly<Record<string, organizations.CfnOrganizationalUnit>>,
    rootId: string,
    enabled: readonly IDependable[],
  ): void {
    const inTurn = oneByOne(...enabled)
    const { Sandbox, Security, Infrastructure, Workloads } = units as Record<
      'Sandbox' | 'Security' | 'Infrastructure' | 'Workloads',
      organizations.CfnOrganizationalUnit
    >
    const everywhere = this.#organization.guardrailRollout === 'everywhere'
    const bound = everywhere ? [Security, Infrastructure, Workloads, Sandbox] : [Sandbox]
    for (const [name, content] of Object.entries(GUARDRAILS)) {
      inTurn(
        new organizations.CfnPolicy(this, `Guardrail-${name}`, {
          name,
          type: 'SERVICE_CONTROL_POLICY',
          content,
          targetIds: bound.map(({ attrId }) => attrId),
        }),
      )
    }
    inTurn(
      new organizations.CfnPolicy(this, 'MandatoryTags', {
        name: 'mandatory-tags',
        type: 'TAG_POLICY',
        content: TAG_POLICY,
        targetIds: everywhere ? [rootId] : [Sandbox.attrId],
      }),
    )
  }

  /** For the day when nothing else lets anyone in: a second factor, one hour, and an alarm for everybody. */
  #breakGlass(): void {
    new iam.CfnRole(this, 'BreakGlass', {
      roleName: BREAK_GLASS_ROLE,
      maxSessionDuration: BREAK_GLASS_HOURS * 3600,
      managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: [...this.#organization.breakGlassPrincipals] },
            Action: 'sts:AssumeRole',
            Condition: {
              Bool: { 'aws:MultiFactorAuthPresent': 'true' },
              NumericLessThan: { 'aws:MultiFactorAuthAge': '300' },
            },
          },
        ],
      },
    })
  }

  #budget(): void {
    const { budgetUsdMonthly, alarmEmail } = this.#organization
    const notify = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: {
        notificationType,
        threshold,
        thresholdType: 'PERCENTAGE',
        comparisonOperator: 'GREATER_THAN',
      },
      subscribers: [{ subscriptionType: 'EMAIL', address: alarmEmail }],
    })
    new budgets.CfnBudget(this, 'Budget', {
      budget: {
        budgetName: 'bourse-organization',
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: budgetUsdMonthly, unit: 'USD' },
      },
      notificationsWithSubscribers: [notify('ACTUAL', 80), notify('ACTUAL', 100), notify('FORECASTED', 100)],
    })
  }
}

/** Organizations refuses two changes of a kind at once: each waits for the one before. */
function oneByOne(...first: readonly IDependable[]): <Made extends Construct>(made: Made) => Made {
  let before = first
  return (made) => {
    made.node.addDependency(...before)
    before = [made]
    return made
  }
}
