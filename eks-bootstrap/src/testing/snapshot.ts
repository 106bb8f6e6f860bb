import { templates } from './templates.ts'
import { resources } from './resources.ts'

/**
 * Production's primary site, a resource a line: what a review sees change. Hashes of code and of construct paths are
 * left out, so that only meaning shows.
 */
export function snapshot(): string {
  const lines = [...templates('production')]
    .filter(([id]) => !id.startsWith('Standby'))
    .flatMap(([id, template]) =>
      resources(template).map(
        ({ logicalId, type, properties }) => `${id}/${logicalId} ${type} ${JSON.stringify(properties)}`,
      ),
    )
  return lines.map(withoutHashes).join('\n') + '\n'
}

function withoutHashes(line: string): string {
  return line.replaceAll(/[0-9a-f]{64}/g, 'HASH').replaceAll(/(?<=[A-Za-z])[0-9A-F]{8}(?![0-9A-Za-z])/g, '')
}
