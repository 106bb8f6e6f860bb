/**
 * Waits until all tasks have ended, then returns their results or throws the first failure: nothing is still under way
 * when the caller cleans up.
 */
export async function settleAll<T extends readonly unknown[] | []>(
  tasks: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  const results = await Promise.allSettled(tasks)
  const values = results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  return values as { -readonly [Index in keyof T]: Awaited<T[Index]> }
}
