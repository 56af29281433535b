import type { Broker } from '../../src/index.ts'

interface HasTopics {
  topic(name: string): {
    readonly partitions: readonly { readonly highWatermark: number }[]
    append(body: { readonly value: number; readonly partition: number }): unknown
  }
}

interface Place {
  readonly topic: string
  readonly partition: number
}

/** Appends records whose values are their offsets. */
export function fill(broker: HasTopics, topic: string, count: number, partition = 0): void {
  for (let i = 0; i < count; i++) {
    const value = broker.topic(topic).partitions[partition]!.highWatermark
    broker.topic(topic).append({ value, partition })
  }
}

/** The offsets of records, in their order. */
export function offsets(records: readonly { readonly offset: number }[]): number[] {
  return records.map(({ offset }) => offset)
}

/** `orders-0`, sorted. */
export function names(partitions: readonly Place[]): string[] {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}

/** `orders-0@5`. */
export function at({ topic, partition, offset }: Place & { readonly offset: number }): string {
  return `${topic}-${partition}@${offset}`
}

/** The partitions of each member, by client id, as the group knows them. */
export function owners(broker: Broker, groupId: string): Record<string, string[]> {
  return Object.fromEntries(
    broker.group(groupId).members.map(({ clientId, assignment }) => [clientId, names(assignment)]),
  )
}

/** The numbers from `from` to, and without, `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** A promise and the function that resolves it, for handlers that end when a test says so. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open: () => open() }
}
