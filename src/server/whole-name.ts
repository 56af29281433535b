/** A pattern for whole names, as Kafka's brokers read it (RE2J); undefined where it is none. */
export function wholeName(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    return undefined
  }
}
