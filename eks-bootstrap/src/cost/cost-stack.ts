import * as budgets from 'aws-cdk-lib/aws-budgets'
import * as ce from 'aws-cdk-lib/aws-ce'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as sns from 'aws-cdk-lib/aws-sns'
import * as resources from 'aws-cdk-lib/custom-resources'
import { type Construct } from 'constructs'
import { BourseStack, type SiteProps } from '../stack.ts'

const ANOMALY_USD_MIN = 50
/** Commitments follow usage: below this coverage the advice of `npm run cost` is worth reading again. */
const COVERAGE_PERCENT_MIN = 60

/** What the environment may cost, who hears of it, and who looks for waste. */
export class CostStack extends BourseStack {
  constructor(scope: Construct, props: SiteProps & { readonly alarms: sns.ITopic }) {
    super(scope, 'Cost', {
      ...props,
      description: 'Budgets, anomaly detection and Compute Optimizer',
      dataClassification: 'internal',
    })
    this.#budgets(props.alarms.topicArn)
    this.#anomalies(props.alarms.topicArn)
    this.#computeOptimizer()
  }

  #budgets(topicArn: string): void {
    const notify = (
      type: 'ACTUAL' | 'FORECASTED',
      threshold: number,
      operator: 'GREATER_THAN' | 'LESS_THAN',
    ) => ({
      notification: {
        notificationType: type,
        threshold,
        thresholdType: 'PERCENTAGE',
        comparisonOperator: operator,
      },
      subscribers: [{ subscriptionType: 'SNS', address: topicArn }],
    })
    new budgets.CfnBudget(this, 'Monthly', {
      budget: {
        budgetName: this.localName('monthly'),
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: this.config.operations.budgetUsdMonthly, unit: 'USD' },
      },
      notificationsWithSubscribers: [
        notify('ACTUAL', 80, 'GREATER_THAN'),
        notify('ACTUAL', 100, 'GREATER_THAN'),
        notify('FORECASTED', 100, 'GREATER_THAN'),
      ],
    })
    new budgets.CfnBudget(this, 'Coverage', {
      budget: {
        budgetName: this.localName('savings-plans-coverage'),
        budgetType: 'SAVINGS_PLANS_COVERAGE',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: 100, unit: 'PERCENTAGE' },
        costTypes: COVERAGE_COST_TYPES,
      },
      notificationsWithSubscribers: [notify('ACTUAL', COVERAGE_PERCENT_MIN, 'LESS_THAN')],
    })
  }

  #anomalies(topicArn: string): void {
    const monitor = new ce.CfnAnomalyMonitor(this, 'Services', {
      monitorName: this.localName('services'),
      monitorType: 'DIMENSIONAL',
      monitorDimension: 'SERVICE',
    })
    new ce.CfnAnomalySubscription(this, 'Anomalies', {
      subscriptionName: this.localName('anomalies'),
      frequency: 'IMMEDIATE',
      monitorArnList: [monitor.attrMonitorArn],
      subscribers: [{ type: 'SNS', address: topicArn }],
      thresholdExpression: JSON.stringify({
        Dimensions: {
          Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE',
          MatchOptions: ['GREATER_THAN_OR_EQUAL'],
          Values: [String(ANOMALY_USD_MIN)],
        },
      }),
    })
  }

  /** It has no resource of its own: one call turns it on for the account. */
  #computeOptimizer(): void {
    const enroll = {
      service: 'compute-optimizer',
      action: 'UpdateEnrollmentStatus',
      parameters: { status: 'Active' },
      physicalResourceId: resources.PhysicalResourceId.of('compute-optimizer'),
    }
    new resources.AwsCustomResource(this, 'ComputeOptimizer', {
      onCreate: enroll,
      installLatestAwsSdk: false,
      policy: resources.AwsCustomResourcePolicy.fromStatements([
        new iam.PolicyStatement({ actions: ['compute-optimizer:UpdateEnrollmentStatus'], resources: ['*'] }),
        new iam.PolicyStatement({
          actions: ['iam:CreateServiceLinkedRole'],
          resources: ['arn:aws:iam::*:role/aws-service-role/compute-optimizer.amazonaws.com/*'],
        }),
      ]),
    })
  }
}

/** What a coverage budget counts; AWS accepts no other combination. */
const COVERAGE_COST_TYPES = {
  includeCredit: false,
  includeDiscount: true,
  includeOtherSubscription: true,
  includeRecurring: true,
  includeRefund: false,
  includeSubscription: true,
  includeSupport: true,
  includeTax: true,
  includeUpfront: true,
  useAmortized: false,
  useBlended: false,
}
