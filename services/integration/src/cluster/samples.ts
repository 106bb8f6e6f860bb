/** Where every service answers for itself. */
export const OPS_PORT = 8081

/** What a scrape says of one metric, by the value of one label. */
export function samplesBy(text: string, metric: string, label: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>()
  const labelled = new RegExp(`[{,]${label}="([^"]*)"`)
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${metric}{`)) continue
    const key = labelled.exec(line)?.[1] ?? ''
    samples.set(key, (samples.get(key) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)))
  }
  return samples
}
