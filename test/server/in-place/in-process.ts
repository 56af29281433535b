import type * as KafkaJS from 'kafkajs'
import { vi } from 'vitest'
import { Broker } from '../../../src/index.ts'
import { socketFactory } from '../../../src/server/index.ts'

const kafkajs = await vi.importActual<typeof KafkaJS>('kafkajs')
export const broker: Broker<any> = new Broker({ autoCreateTopics: true })

export class Kafka extends kafkajs.Kafka {
  constructor(config: KafkaJS.KafkaConfig) {
    super({ ...config, socketFactory: socketFactory(broker, { fetchMaxWaitMs: 50 }) })
  }
}
