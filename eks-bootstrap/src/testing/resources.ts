import { type Template } from 'aws-cdk-lib/assertions'

type Properties = Readonly<Record<string, unknown>>
export type Resource = { readonly logicalId: string; readonly type: string; readonly properties: Properties }

/** Every resource of a template, or every one of a type. */
export function resources(template: Template, type?: string): readonly Resource[] {
  const all = template.toJSON()['Resources'] as Record<string, { Type: string; Properties?: Properties }>
  return Object.entries(all)
    .filter(([, resource]) => type === undefined || resource.Type === type)
    .map(([logicalId, { Type, Properties = {} }]) => ({ logicalId, type: Type, properties: Properties }))
}

/** A template's value with its references written short, so that a rule reads as a sentence. */
export function flat(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null) return inner
    const entry = inner as Readonly<Record<string, unknown>>
    if (typeof entry['Ref'] === 'string') return `{${entry['Ref']}}`
    if (Array.isArray(entry['Fn::GetAtt'])) return `{${entry['Fn::GetAtt'].join('.')}}`
    return inner
  })
}
