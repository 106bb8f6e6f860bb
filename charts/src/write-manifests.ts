import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Yaml } from 'cdk8s'
import type { KubernetesObject } from './render.ts'

const BANNER = '# Written by `npm run synth -w @bourse/charts`. Change charts/ and run it again.\n'

/** Files of manifests, by name. */
export type Files = ReadonlyMap<string, string>

export const manifests = (files: ReadonlyMap<string, readonly KubernetesObject[]>): Files =>
  new Map([...files].map(([name, objects]) => [name, `${BANNER}${Yaml.stringify(...objects)}`]))

/** Makes the folder hold these files and no other YAML. What is the same stays untouched: who watches it would deploy it again. */
export function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder))
    if (name.endsWith('.yaml') && !files.has(name)) rmSync(join(folder, name))
  for (const [name, text] of files) {
    const path = join(folder, name)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}
