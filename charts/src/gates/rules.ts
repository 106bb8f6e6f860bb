import { environmentRules } from './environment-rules.ts'
import { networkRules } from './network-rules.ts'
import { podSecurityRules } from './pod-security.ts'
import { referenceRules } from './reference-rules.ts'
import type { Rule } from './rule.ts'
import { scalingRules } from './scaling-rules.ts'
import { workloadRules } from './workload-rules.ts'

/** Everything that the objects of one environment must hold. */
export const RULES: readonly Rule[] = [
  ...podSecurityRules,
  ...workloadRules,
  ...referenceRules,
  ...networkRules,
  ...scalingRules,
  ...environmentRules,
]
