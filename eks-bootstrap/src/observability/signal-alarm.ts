import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { type BourseStack } from '../stack.ts'
import { type Signal } from './signals.ts'

/** An alarm of the signal's name. No data is no alarm: what is silent has an alarm of its own. */
export function signalAlarm(
  stack: BourseStack,
  { id, kind, metric, threshold, minutes, meaning }: Signal,
): cloudwatch.Alarm {
  return new cloudwatch.Alarm(stack, id, {
    alarmName: stack.localName(id),
    alarmDescription: `${meaning} (${kind})`,
    metric,
    threshold,
    evaluationPeriods: minutes,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  })
}
