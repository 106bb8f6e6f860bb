/** What a client waited for: from when it first asked until it was served, in ms. Of the last one the end may be open. */
export type Wait = { readonly since: number; readonly until: number | undefined }

/** The longest of those waits that ended after `from` and began before `to`. One that is open counts as far as it has come. */
export function longestWait(waits: readonly Wait[], from: number, to: number): number {
  const lengths = waits
    .map(({ since, until = to }) => ({ since, until: Math.min(until, to) }))
    .filter(({ since, until }) => until > from && since < to)
    .map(({ since, until }) => until - since)
  return Math.max(0, ...lengths)
}
