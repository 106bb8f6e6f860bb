/** A calendar month in UTC, as the half-open range of its milliseconds. */
export type Month = { readonly name: string; readonly from: number; readonly to: number }

/** The month that a time lies in; `name` is `y2026m11`. Throws a RangeError outside the years 1970 to 9999. */
export function monthOf(timeMs: number): Month {
  const date = new Date(timeMs)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  if (!(timeMs >= 0) || !(year <= 9999)) throw new RangeError(`${timeMs} is no time in milliseconds`)
  return {
    name: `y${year.toString().padStart(4, '0')}m${(month + 1).toString().padStart(2, '0')}`,
    from: Date.UTC(year, month),
    to: Date.UTC(year, month + 1),
  }
}
