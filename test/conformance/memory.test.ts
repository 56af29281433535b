import { Broker, json } from '../../src/index.ts'
import { conformance } from './suite.ts'

conformance({
  name: 'in this process',
  differences: {},
  open: async topics => {
    // With a codec, as a cluster has one: what is written is what its bytes say.
    const broker = new Broker({ topics, codec: json })
    return {
      pubSub: broker,
      another: async () => broker,
      close: async () => void (await broker.close({ timeoutMs: 1000 })),
    }
  },
})
