import { isKafkaInstalled, kafkaVersion, startRealKafka } from '../../../kafka/real-kafka.ts'
import { type ServerKind, withAdmin } from '../server.ts'

/** Apache Kafka: one node, with Kafka's defaults where a single node allows them. */
export const kafka: ServerKind = {
  name: 'kafka',
  async install() {
    return isKafkaInstalled ? undefined : 'needs Java and `npm run kafka:fetch`'
  },
  async start() {
    const node = await startRealKafka()
    return withAdmin({
      address: node.address,
      version: kafkaVersion,
      pid: node.pid,
      close: () => node.close(),
    })
  },
}
