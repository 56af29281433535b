import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { connected } from './connected.ts'
import { conformance } from './suite.ts'

conformance({
  name: 'connect, to serve',
  differences: {},
  open: async topics => {
    const broker = new Broker({ topics })
    const server = await serve(broker, { consumerHeartbeatIntervalMs: 100, consumerSessionTimeoutMs: 2000 })
    return connected(server.address, topics, async () => void (await broker.close()))
  },
})
