import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { AlertGroup } from '../alerts/alerts.ts'

/** https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
export type RuleTest = {
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly promql_expr_test: readonly {
    readonly expr: string
    readonly eval_time: string
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[]
  }[]
}

/** @throws with what promtool found */
export function runRuleTests(groups: readonly AlertGroup[], tests: readonly RuleTest[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-rules-'))
  try {
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }))
    const file = join(folder, 'tests.yaml')
    writeFileSync(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '15s', tests }))
    execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${stdout}${stderr}` || String(error), { cause: error })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** `name{label="value"}` */
export const seriesOf = (name: string, labels: Readonly<Record<string, string>>): string =>
  `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`
