/** A partition that a shard reads: the archive has the inputs, and everything else follows from them. */
export type ArchivedInput = { readonly topic: 'risk.in' | 'orders.in'; readonly partition: number }

/** Offsets in names have so many digits, so that names sort as offsets do. */
const OFFSET_DIGITS = 20
const ENDING = '.parquet'
const FILE = new RegExp(`^\\d{${OFFSET_DIGITS}}\\${ENDING}$`)

/** `inputs/risk.in/0/` */
export const folderOf = ({ topic, partition }: ArchivedInput): string => `inputs/${topic}/${partition}/`

/** A file is named after the offset of its first record: so the next file's name is known when one ends. */
export const fileNameOf = (first: number): string => `${String(first).padStart(OFFSET_DIGITS, '0')}${ENDING}`

/** The offset in a file's name; undefined where it is no file of the archive. */
export function firstOffsetIn(name: string): number | undefined {
  const first = FILE.test(name) ? Number(name.slice(0, OFFSET_DIGITS)) : undefined
  return first !== undefined && Number.isSafeInteger(first) ? first : undefined
}
