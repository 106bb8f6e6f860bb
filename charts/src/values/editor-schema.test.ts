import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { editorSchema } from './editor-schema.ts'
import { VALUES_FOLDER } from './load.ts'

describe('values.schema.json', () => {
  it('is what the values are checked with: `npm run synth -w @bourse/charts` writes it', () => {
    assert.equal(readFileSync(join(VALUES_FOLDER, '../values.schema.json'), 'utf8'), editorSchema())
  })

  it('knows every key, requires none and refuses others', () => {
    const schema = JSON.parse(editorSchema()) as {
      properties: { gateway: { properties: object; additionalProperties: boolean; required?: string[] } }
    }
    const { gateway } = schema.properties
    assert.ok('scaling' in gateway.properties)
    assert.equal(gateway.additionalProperties, false)
    assert.equal(gateway.required, undefined)
  })
})
