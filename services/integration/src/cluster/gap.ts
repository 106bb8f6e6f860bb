/**
 * The longest time between two successes, of those that ended after `from` and began before `to`. What has not ended by
 * `to` counts as far as it has come.
 */
export function longestGap(times: readonly number[], from: number, to: number): number {
  let longest = 0
  for (const [index, time] of times.entries()) {
    const next = Math.min(times[index + 1] ?? to, to)
    if (next > from && time < to) longest = Math.max(longest, next - time)
  }
  return longest
}
