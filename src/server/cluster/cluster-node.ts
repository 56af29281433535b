/** One of the brokers that clients see. (Kafka: Node) */
export interface ClusterNode {
  readonly nodeId: number
  readonly host: string
  /** Null if it is in none. (Kafka: broker.rack) */
  readonly rack: string | null
  /** 0 until it listens, if any free port will do. */
  port: number
  running: boolean
  /** How often it was started again: state of an earlier run is recognised by it. */
  brokerEpoch: number
  /** How much later each of its answers is sent, in milliseconds. */
  slowMs: number
}

/** The number that is told in the place of a leader that there is not. */
export const noLeaderId = -1

/** The numbers of brokers, as answers list them. */
export function idsOf(nodes: readonly ClusterNode[]): number[] {
  return nodes.map(({ nodeId }) => nodeId)
}

/** Those that run, of some brokers. */
export function runningOf(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  return nodes.filter(({ running }) => running)
}

/** Makes so many nodes, numbered from `first` on, beginning at that address. Those after the last of the racks are in none. */
export function makeNodes(
  host: string,
  port: number,
  count: number,
  {
    first = 1,
    racks = [],
  }: { readonly first?: number | undefined; readonly racks?: readonly string[] | undefined } = {},
): ClusterNode[] {
  return Array.from({ length: count }, (_, i) => ({
    nodeId: first + i,
    host,
    rack: racks[i] ?? null,
    port: port === 0 ? 0 : port + i,
    running: true,
    brokerEpoch: 0,
    slowMs: 0,
  }))
}
