import { databaseRules } from './database-rules.ts'
import { environmentRules } from './environment-rules.ts'
import { networkRules } from './network-rules.ts'
import { passwordRules } from './password-rules.ts'
import { podSecurityRules } from './pod-security.ts'
import { reachabilityRules } from './reachability-rules.ts'
import { referenceRules } from './reference-rules.ts'
import type { Rule } from './rule.ts'
import { scalingRules } from './scaling-rules.ts'
import { workloadRules } from './workload-rules.ts'

/** Everything that the objects of one environment must hold, by what it is about. */
export const RULE_GROUPS: Readonly<Record<string, readonly Rule[]>> = {
  'Pod Security restricted': podSecurityRules,
  'the rules for pods and workloads': workloadRules,
  'what they say of each other': referenceRules,
  'what changes while they run': passwordRules,
  'the rules for who reaches whom': networkRules,
  'what they must reach': reachabilityRules,
  'the rules for how much runs': scalingRules,
  'how much the database takes': databaseRules,
  'what the services read and need': environmentRules,
}

export const RULES: readonly Rule[] = Object.values(RULE_GROUPS).flat()
