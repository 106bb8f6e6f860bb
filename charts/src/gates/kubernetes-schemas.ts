import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { PythonEnvironment } from '@bourse/testing/python-environment'
import type { Manifest } from './manifest.ts'

/** The clusters that an exchange may run on. */
export const KUBERNETES_VERSIONS = ['1.32', '1.33', '1.34', '1.35']

const FOLDER = join(import.meta.dirname, 'schemas')
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

const python = new PythonEnvironment(join(import.meta.dirname, '../..'), join(FOLDER, 'requirements.txt'))

export const installSchemas = (): void => python.install()

/** What Kubernetes' own schemas refuse of built-in objects, in each version; a field that they do not know is refused. */
export function schemaProblems(
  objects: readonly Manifest[],
  versions = KUBERNETES_VERSIONS,
): readonly string[] {
  const answer = execFileSync(python.tool('python'), [join(FOLDER, 'validate.py')], {
    input: JSON.stringify({ versions, objects }),
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  return JSON.parse(answer) as string[]
}
