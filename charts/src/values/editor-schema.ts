import { z } from 'zod'
import { valuesShape } from './schema.ts'

/** The JSON schema that editors check values files with. A file says a part of the values, so nothing is required. */
export function editorSchema(): string {
  const schema = z.toJSONSchema(valuesShape, {
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === 'object') delete jsonSchema.required
    },
  })
  return `${JSON.stringify({ title: 'Values of Bourse', ...schema }, null, 2)}\n`
}
