import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import type * as kms from 'aws-cdk-lib/aws-kms'
import { type Construct } from 'constructs'
import { BourseStack, type SiteProps } from '../stack.ts'
import { ZoneExperiment } from './zone-experiment.ts'

type ZoneExperimentStackProps = SiteProps & {
  readonly stopAlarm: cloudwatch.IAlarm
  readonly logsKey: kms.IKey
}

/** The drill for the loss of a zone, one template a zone. */
export class ZoneExperimentStack extends BourseStack {
  constructor(scope: Construct, props: ZoneExperimentStackProps) {
    super(scope, 'Drills', {
      ...props,
      description: 'Fault injection: the loss of a zone',
      dataClassification: 'internal',
    })
    const { stopAlarm, logsKey } = props
    new ZoneExperiment(this, 'Zone', {
      environment: this.config,
      zone: this.facts.zones[0],
      stopAlarm,
      logsKey,
    })
  }
}
