import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Yaml } from 'cdk8s'
import type { KubernetesObject } from './render.ts'

const BANNER = '# Written by `npm run synth -w @bourse/charts`. Change charts/ and run it again.\n'

/** Files of manifests, by name. */
export type Files = ReadonlyMap<string, string>

export const manifests = (files: ReadonlyMap<string, readonly KubernetesObject[]>): Files =>
  new Map([...files].map(([name, objects]) => [name, `${BANNER}${Yaml.stringify(...objects)}`]))

/** Makes the folder hold these files and no other YAML. */
export function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder))
    if (name.endsWith('.yaml') && !files.has(name)) rmSync(join(folder, name))
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}
