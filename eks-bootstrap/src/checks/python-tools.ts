import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { PythonEnvironment } from '@bourse/testing/python-environment'
import { everyFeature, templates } from '../testing/templates.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

/** Where the checks find templates and leave reports. */
export const WORK = join(ROOT, 'cdk.out/checks')

const python = new PythonEnvironment(ROOT, join(ROOT, 'checks/requirements.txt'))

export const installTools = (): void => python.install()

/** Writes the templates that the tools read: production, the organization, and the optional parts turned on. */
export function writeTemplates(): string {
  const folder = join(WORK, 'templates')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const write = (name: string, template: { toJSON(): unknown }) =>
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(template.toJSON()))
  for (const stage of ['dev', 'production', 'organization'] as const) {
    for (const [id, template] of templates(stage)) write(`${stage}-${id}`, template)
  }
  for (const id of ['Edge', 'Integrations', 'Identity', 'Data']) {
    const template = everyFeature().get(id)
    if (template !== undefined) write(`complete-${id}`, template)
  }
  return folder
}

/** Runs a tool of the virtual environment and returns what it printed, whatever its verdict. */
export function runTool(tool: string, ...parameters: readonly string[]): { stdout: string; stderr: string } {
  const options = { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX, cwd: ROOT } as const
  const { stdout, stderr, error } = spawnSync(python.tool(tool), [...parameters], options)
  if (error !== undefined) throw error
  return { stdout, stderr }
}
