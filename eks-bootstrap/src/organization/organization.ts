import { ACCOUNTS } from '../environments.ts'
import { type Region } from '../regions.ts'

/** The organization above the environments. */
export type Organization = {
  readonly accountIds: typeof ACCOUNTS
  readonly region: Region
  readonly project: string
  readonly costCenter: string
  /** E-mail addresses own accounts: each is unique in the world. */
  readonly accounts: readonly { readonly name: string; readonly unit: string; readonly email: string }[]
  /** Who may break the glass: people, each with a second factor. */
  readonly breakGlassPrincipals: readonly string[]
  readonly guardrailRollout: 'sandbox' | 'everywhere'
  readonly alarmEmail: string
  readonly budgetUsdMonthly: number
}

export const ORGANIZATION: Organization = {
  accountIds: ACCOUNTS,
  region: 'us-east-1',
  project: 'bourse',
  costCenter: 'platform',
  accounts: [
    { name: 'Security-Logging', unit: 'Security', email: 'aws-security-logging@bourse.example' },
    { name: 'Infrastructure', unit: 'Infrastructure', email: 'aws-infrastructure@bourse.example' },
    { name: 'Dev', unit: 'Dev', email: 'aws-dev@bourse.example' },
    { name: 'Staging', unit: 'Staging', email: 'aws-staging@bourse.example' },
    { name: 'Prod', unit: 'Prod', email: 'aws-prod@bourse.example' },
    { name: 'Sandbox', unit: 'Sandbox', email: 'aws-sandbox@bourse.example' },
  ],
  breakGlassPrincipals: [`arn:aws:iam::${ACCOUNTS.management}:user/break-glass-1`],
  guardrailRollout: 'sandbox',
  alarmEmail: 'operations@bourse.example',
  budgetUsdMonthly: 16_000,
}
