import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { helmChart } from './helm.ts'
import { renderFiles } from './render.ts'
import { editorSchema } from './values/editor-schema.ts'
import { ENVIRONMENTS, type EnvironmentName } from './values/schema.ts'
import { ValuesError, loadValues } from './values/load.ts'
import { manifests, writeFiles } from './write-manifests.ts'

const USAGE = `Writes manifests from values.

  npm run synth -w @bourse/charts                              every environment into k8s/<environment>/
  npm run synth -w @bourse/charts -- --environment local       one of ${ENVIRONMENTS.join(', ')}
      --set a.b=value    one value, over all files; may be repeated
      --output DIR       a folder of one environment's files
      --format helm      a Helm chart of one environment, in --output or charts/dist/helm/<environment>/
`

/** Where the command was given: npm runs it in the workspace's folder. */
const HERE = process.env['INIT_CWD'] ?? '.'
const K8S = resolve(import.meta.dirname, '../../k8s')
const HELM = resolve(import.meta.dirname, '../dist/helm')
const EDITOR_SCHEMA = resolve(import.meta.dirname, '../values.schema.json')

function main(): void {
  const { values: given } = parseArgs({
    options: {
      environment: { type: 'string' },
      set: { type: 'string', multiple: true },
      output: { type: 'string' },
      format: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (given.help === true) return void process.stdout.write(USAGE)
  const names = given.environment === undefined ? ENVIRONMENTS : [environmentOf(given.environment)]
  if (names.length > 1 && given.output !== undefined)
    throw new ValuesError('--output takes one environment: name it with --environment')
  const isHelm = given.format === 'helm'
  if (given.format !== undefined && !isHelm)
    throw new ValuesError(`--format ${given.format}: there is helm alone`)
  const folder = isHelm ? HELM : K8S
  for (const name of names) {
    const values = loadValues(name, { set: given.set })
    const files = isHelm
      ? helmChart({ environment: name, values, render: renderFiles })
      : manifests(renderFiles(values))
    writeFiles(given.output === undefined ? join(folder, name) : resolve(HERE, given.output), files)
  }
  if (!isHelm && given.environment === undefined) writeFileSync(EDITOR_SCHEMA, editorSchema())
}

function environmentOf(name: string): EnvironmentName {
  const known = ENVIRONMENTS.find((each) => each === name)
  if (known === undefined)
    throw new ValuesError(`there is no environment ${name}; there are ${ENVIRONMENTS.join(', ')}`)
  return known
}

try {
  main()
} catch (error) {
  if (!(error instanceof ValuesError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
