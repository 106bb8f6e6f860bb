import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { parse, parseDocument } from 'yaml'
import { loadValues, VALUES_FOLDER } from '../values/load.ts'
import { ENVIRONMENTS } from '../values/schema.ts'

/** `text` with `a.b=value` said in it, comments and everything else as they were. `null`: what lies under this file holds. */
export function withValue(text: string, assignment: string): string {
  const [, path, value] = /^([\w.-]+)=(.*)$/s.exec(assignment) ?? []
  if (path === undefined || value === undefined) throw new Error(`${assignment}: must be a.b=value`)
  const document = parseDocument(text)
  const keys = path.split('.')
  // Nothing can be said within a null.
  const outer = keys.map((_, length) => keys.slice(0, length)).find((each) => document.getIn(each) === null)
  if (outer !== undefined) document.deleteIn(outer)
  const said: unknown = parse(value)
  if (said !== null) document.setIn(keys, said)
  else if (document.hasIn(keys)) document.deleteIn(keys)
  return document.toString({ lineWidth: 0 })
}

async function main([environment, ...assignments]: readonly string[]): Promise<void> {
  const name = ENVIRONMENTS.find((each) => each === environment)
  if (name === undefined || assignments.length === 0) {
    throw new Error(`usage: set-values ${ENVIRONMENTS.join('|')} a.b=value …`)
  }
  loadValues(name, { set: assignments })
  const file = join(VALUES_FOLDER, `${name}.yaml`)
  writeFileSync(file, await formatted(file, assignments.reduce(withValue, readFileSync(file, 'utf8'))))
}

/** As the repository writes it, so that a promotion's difference is its value alone. */
export const formatted = async (file: string, text: string): Promise<string> =>
  format(text, { ...(await resolveConfig(file)), parser: 'yaml' })

if (import.meta.filename === process.argv[1]) await main(process.argv.slice(2))
