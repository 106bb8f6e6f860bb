import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { renderFiles } from './render.ts'
import { loadValues } from './values/load.ts'
import { ENVIRONMENTS } from './values/schema.ts'
import { manifests } from './write-manifests.ts'

const K8S = join(import.meta.dirname, '../../k8s')

describe('manifests', function () {
  this.timeout(60_000)

  for (const environment of ENVIRONMENTS) {
    const written = () => Object.fromEntries(manifests(renderFiles(loadValues(environment))))

    it(`of ${environment} are committed as they are written: else \`npm run synth -w @bourse/charts\``, () => {
      const folder = join(K8S, environment)
      const committed = Object.fromEntries(
        readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
      )
      assert.deepEqual(committed, written())
    })

    it(`of ${environment} are the same, byte for byte, when they are written again`, () => {
      assert.deepEqual(written(), written())
    })
  }
})
