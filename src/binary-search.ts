/**
 * The index of the first item that a test holds of, or the length of the list. The list is in order: the test holds of
 * everything that comes after that one, too.
 */
export function firstIndex<T>(list: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(list[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
