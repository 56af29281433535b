import { BrokerletError } from '../errors.ts'

/** The brokers that a client wants as the replicas of a new partition. */
interface Assignment {
  readonly brokerIds: readonly number[]
}

/**
 * Refuses assignments by hand that no cluster takes. Any brokers may be named: those of production need not be here.
 * (Kafka: ReplicationControlManager.validateManualPartitionAssignment)
 *
 * @throws INVALID_REPLICA_ASSIGNMENT
 */
export function requireAssignable(topic: string, assignments: readonly Assignment[]): void {
  const factor = assignments[0]?.brokerIds.length
  for (const { brokerIds } of assignments) {
    if (brokerIds.length === 0) throw notAssignable(topic, 'expected at least one broker for each partition')
    if (new Set(brokerIds).size < brokerIds.length) throw notAssignable(topic, 'a broker is named twice')
    if (brokerIds.some(id => id < 0)) throw notAssignable(topic, 'no broker has a negative id')
    if (brokerIds.length !== factor)
      throw notAssignable(topic, 'partitions differ in how many brokers they have')
  }
}

/** An INVALID_REPLICA_ASSIGNMENT that says what is wrong. */
export function notAssignable(topic: string, why: string): BrokerletError {
  const message = `The partitions of '${topic}' cannot be assigned so: ${why}`
  return new BrokerletError('INVALID_REPLICA_ASSIGNMENT', message, { topic })
}
