import { templates } from '../testing/templates.ts'

/** Prints the templates that use the EKS constructs, for a comparison across processes. */
const stacks = ['Cluster', 'Addons', 'Edge'].map((id) => [id, templates('production').get(id)?.toJSON()])
process.stdout.write(JSON.stringify(Object.fromEntries(stacks)))
