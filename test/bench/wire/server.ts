import { spawnSync } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'

/** A server to measure, in a process of its own. */
export interface Server {
  readonly address: string
  readonly version: string
  readonly pid: number
  createTopic(name: string, partitions: number): Promise<void>
  deleteTopic(name: string): Promise<void>
  close(): Promise<void>
}

/** How to install and start one kind of server. */
export interface ServerKind {
  readonly name: string
  /** Installs what the server needs; resolves with the reason where it cannot, or undefined. */
  install(): Promise<string | undefined>
  start(): Promise<Server>
}

/** KafkaJS with its defaults, but silent. */
export function kafkaJs({ address }: Pick<Server, 'address'>): Kafka {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
}

/** A server whose topics are created and deleted by an admin client. */
export function withAdmin(server: Omit<Server, 'createTopic' | 'deleteTopic'>): Server {
  const admin = kafkaJs(server).admin()
  return {
    ...server,
    async createTopic(topic, numPartitions) {
      await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }] })
    },
    async deleteTopic(topic) {
      await admin.deleteTopics({ topics: [topic] })
    },
    async close() {
      await admin.disconnect()
      await server.close()
    },
  }
}

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0
}
