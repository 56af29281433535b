/** The largest number that most fields of a request can hold, and the most milliseconds of a timer. */
export const largestInt32: number = 2 ** 31 - 1
