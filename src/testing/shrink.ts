/**
 * Returns a shorter list that still fails. Leaves out halves first, then smaller and smaller pieces, until no single
 * item can go or `limit` attempts are made. (Zeller: delta debugging)
 */
export async function shrink<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => Promise<boolean>,
  limit: number,
): Promise<readonly Item[]> {
  let left = items
  let attempts = 0
  for (let size = Math.ceil(left.length / 2); size > 0 && attempts < limit; ) {
    let smaller = false
    for (let from = 0; from < left.length && attempts < limit; ) {
      const without = [...left.slice(0, from), ...left.slice(from + size)]
      attempts++
      if (await fails(without)) {
        left = without
        smaller = true
      } else from += size
    }
    // Single items are tried until none of them can go any more.
    if (size > 1) size = Math.ceil(size / 2)
    else if (!smaller) break
  }
  return left
}
