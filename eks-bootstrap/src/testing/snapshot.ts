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

/** Of code and templates. */
const CONTENT_HASH = /[0-9a-f]{32,}/g
/** What CDK puts at the end of a construct's name, and leaves inside a name that is made of several. */
const HASH_AT_END = /\b([A-Za-z0-9]*[a-z][A-Za-z0-9]*?)[0-9A-F]{8}(?![0-9A-Za-z])/g
const HASH_INSIDE = /(?<=[a-z])[0-9A-F]{8}/g

function withoutHashes(line: string): string {
  return line.replaceAll(CONTENT_HASH, 'HASH').replaceAll(HASH_AT_END, '$1').replaceAll(HASH_INSIDE, '')
}
