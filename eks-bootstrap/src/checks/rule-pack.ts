import { type IPolicyValidationContext, type PolicyValidationPluginReport } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { ACCEPTED_FINDINGS, type AcceptedFinding } from './accepted-findings.ts'

/** The AwsSolutions rules over every construct, less what is accepted with a reason. A finding stops synthesis. */
export class RulePack extends AwsSolutionsChecks {
  /** Rows of the table that something needed. */
  readonly used = new Set<AcceptedFinding>()

  override validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const report = super.validate(context)
    const violations = report.violations.flatMap((violation) => {
      const violatingResources = violation.violatingResources.filter(
        ({ constructPath = '' }) => !this.#isAccepted(violation.ruleName, constructPath),
      )
      return violatingResources.length === 0 ? [] : [{ ...violation, violatingResources }]
    })
    return { ...report, violations, success: violations.length === 0 }
  }

  #isAccepted(ruleName: string, constructPath: string): boolean {
    const accepted = ACCEPTED_FINDINGS.find(
      ({ rule, path }) => rule.test(ruleName) && path.test(constructPath),
    )
    if (accepted !== undefined) this.used.add(accepted)
    return accepted !== undefined
  }
}
