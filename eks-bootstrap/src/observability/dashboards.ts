import { Duration, Stack } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { type Environment } from '../environment.ts'
import { type Signal } from './signals.ts'

const WIDTH = 8

type DashboardsProps = {
  readonly environment: Environment
  readonly signals: readonly Signal[]
  readonly alarms: readonly cloudwatch.IAlarm[]
}

/** Three views of one exchange: does it earn, does it run, what does it cost. Each has a policy for its readers. */
export class Dashboards extends Construct {
  constructor(scope: Construct, id: string, { environment, signals, alarms }: DashboardsProps) {
    super(scope, id)
    this.#dashboard('executive', environment, [
      ...['orders_accepted_total', 'trades_total', 'notional_traded', 'connected_clients'].map((name) =>
        graph(name.replaceAll('_', ' '), [business(name)]),
      ),
      graph(
        'availability and errors',
        signals.filter(({ kind }) => kind === 'errors').map(({ metric }) => metric),
      ),
    ])
    this.#dashboard('operations', environment, [
      new cloudwatch.AlarmStatusWidget({ title: 'alarms', alarms: [...alarms], width: 24 }),
      ...(['latency', 'traffic', 'errors', 'saturation'] as const).flatMap((kind) =>
        signals
          .filter((signal) => signal.kind === kind)
          .map(({ id: title, metric }) => graph(`${kind}: ${title}`, [metric])),
      ),
    ])
    this.#dashboard('cost', environment, [graph('estimated charges, USD', [charges()]), ...usage()])
  }

  #dashboard(view: string, { name }: Environment, widgets: readonly cloudwatch.IWidget[]): void {
    const dashboardName = `bourse-${name}-${view}`
    new cloudwatch.Dashboard(this, view, { dashboardName, widgets: [[...widgets]] })
    const { account } = Stack.of(this)
    new iam.ManagedPolicy(this, `${view}Readers`, {
      managedPolicyName: `${dashboardName}-readers`,
      description: `Opens the ${view} dashboard and no other`,
      statements: [
        new iam.PolicyStatement({
          actions: ['cloudwatch:GetDashboard'],
          resources: [`arn:aws:cloudwatch::${account}:dashboard/${dashboardName}`],
        }),
      ],
    })
  }
}

function graph(title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({ title, left, width: WIDTH })
}

function business(metricName: string): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'Bourse',
    metricName,
    statistic: 'Sum',
    period: Duration.minutes(1),
  })
}

/** Billing's own metric: it is updated a few times a day, and only in us-east-1. */
function charges(): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Billing',
    metricName: 'EstimatedCharges',
    dimensionsMap: { Currency: 'USD' },
    statistic: 'Maximum',
    period: Duration.hours(6),
    region: 'us-east-1',
  })
}

function usage(): cloudwatch.IWidget[] {
  const bytes = (namespace: string, metricName: string) =>
    new cloudwatch.Metric({ namespace, metricName, statistic: 'Sum', period: Duration.hours(1) })
  return [
    graph('NAT bytes', [bytes('AWS/NATGateway', 'BytesOutToDestination')]),
    graph('log bytes', [bytes('AWS/Logs', 'IncomingBytes')]),
  ]
}
