import { writeFileSync } from 'node:fs'
import { snapshot } from './snapshot.ts'

/** Writes the snapshot: read its difference before you commit it. */
writeFileSync(new URL('production.snap.txt', import.meta.url), snapshot())
