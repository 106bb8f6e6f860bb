import { createHash } from 'node:crypto'

const LENGTH = 16

/** Settings are read once, at start: pods that carry this are replaced when the settings change. */
export const checksum = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, LENGTH)
