// What `tsc --init` of TypeScript 6 and 7 writes names no packages of types (`types: []`): without Node's, the options
// and results that are Node's would be `any`, and nobody would say so.
import { Broker } from 'brokerlet'
import { connect, serve } from 'brokerlet/server'

const broker = new Broker()
const stream = connect(broker)
// @ts-expect-error: a Duplex has no such method
stream.nonsense?.()
// @ts-expect-error: nor is this an option of Node's TLS
const never = () => serve(broker, { tls: { nonsense: true } })
stream.destroy()
await broker.close()

export { never }
