/** Kafka's number of the isolation level of who reads only what is committed. */
export const readCommitted = 1

const levels: ReadonlySet<number> = new Set([0, readCommitted])

/** Whether a client may ask for this isolation level. Kafka knows no other, and fails at one. */
export function isIsolationLevel(level: number): boolean {
  return levels.has(level)
}
