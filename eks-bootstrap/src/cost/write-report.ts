import { writeFileSync } from 'node:fs'
import { templates } from '../testing/templates.ts'
import { costReport, type StageTemplates } from './report.ts'

/** Writes COSTS.md beside the package: commit it with the change that moved it. */
writeFileSync(new URL('../../COSTS.md', import.meta.url), costReport(templateResources))

function templateResources(name: Parameters<typeof templates>[0]): StageTemplates {
  return new Map([...templates(name)].map(([id, template]) => [id, template.toJSON()['Resources']]))
}
