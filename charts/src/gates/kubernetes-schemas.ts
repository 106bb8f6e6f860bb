import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest } from './manifest.ts'

/** The clusters that an exchange may run on. */
export const KUBERNETES_VERSIONS = ['1.32', '1.33', '1.34']

const FOLDER = join(import.meta.dirname, 'schemas')
const VENV = join(import.meta.dirname, '../../.venv')
const REQUIREMENTS = join(FOLDER, 'requirements.txt')
const STAMP = join(VENV, 'installed.txt')
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** Makes the virtual environment once, and again when the pinned version changes. */
export function installSchemas(): void {
  const wanted = readFileSync(REQUIREMENTS, 'utf8')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return
  rmSync(VENV, { recursive: true, force: true })
  execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'inherit' })
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]
  execFileSync(join(VENV, 'bin/python'), pip, { stdio: 'inherit' })
  writeFileSync(STAMP, wanted)
}

/** What Kubernetes' own schemas refuse of built-in objects, in each version; a field that they do not know is refused. */
export function schemaProblems(
  objects: readonly Manifest[],
  versions = KUBERNETES_VERSIONS,
): readonly string[] {
  const answer = execFileSync(join(VENV, 'bin/python'), [join(FOLDER, 'validate.py')], {
    input: JSON.stringify({ versions, objects }),
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  return JSON.parse(answer) as string[]
}
