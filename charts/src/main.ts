import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { renderFiles } from './render.ts'
import { ENVIRONMENTS, type EnvironmentName } from './values/schema.ts'
import { ValuesError, loadValues } from './values/load.ts'
import { manifests, writeFiles } from './write-manifests.ts'

const USAGE = `Writes manifests from values.

  npm run synth -w @bourse/charts                              every environment into k8s/<environment>/
  npm run synth -w @bourse/charts -- --environment local       one of ${ENVIRONMENTS.join(', ')}
      --values FILE      a cluster's own values, over the environment's
      --set a.b=value    one value, over all files; may be repeated
      --output DIR       a folder of one environment's files
`

/** Where the command was given: npm runs it in the workspace's folder. */
const HERE = process.env['INIT_CWD'] ?? '.'
const K8S = resolve(import.meta.dirname, '../../k8s')

function main(): void {
  const { values: given } = parseArgs({
    options: {
      environment: { type: 'string' },
      values: { type: 'string' },
      set: { type: 'string', multiple: true },
      output: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (given.help === true) return void process.stdout.write(USAGE)
  const names = given.environment === undefined ? ENVIRONMENTS : [environmentOf(given.environment)]
  if (names.length > 1 && given.output !== undefined)
    throw new ValuesError('--output takes one environment: name it with --environment')
  for (const name of names) {
    const values = loadValues(name, { file: given.values && resolve(HERE, given.values), set: given.set })
    writeFiles(
      given.output === undefined ? join(K8S, name) : resolve(HERE, given.output),
      manifests(renderFiles(values)),
    )
  }
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
