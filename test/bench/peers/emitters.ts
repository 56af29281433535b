import { EventEmitter as NodeEmitter } from 'node:events'
import Emittery from 'emittery'
import { EventEmitter } from 'eventemitter3'
import { inBatches, type Peer } from '../peer.ts'

export const eventEmitter3: Peer = {
  name: 'eventemitter3',
  start: ({ sink, listeners, messages: { passed } }) => {
    const emitter = new EventEmitter()
    for (let i = 0; i < listeners; i++) emitter.on('orders', record => sink.take(record))
    return inBatches((from, to) => {
      for (let i = from; i < to; i++) emitter.emit('orders', passed(i))
      return undefined
    })
  },
}

export const nodeEmitter: Peer = {
  name: 'EventEmitter',
  start: ({ sink, listeners, messages: { passed } }) => {
    const emitter = new NodeEmitter().setMaxListeners(0)
    for (let i = 0; i < listeners; i++) emitter.on('orders', record => sink.take(record))
    return inBatches((from, to) => {
      for (let i = from; i < to; i++) emitter.emit('orders', passed(i))
      return undefined
    })
  },
}

/** The sender waits for the last `emit` of a batch: that is when its listeners are done. */
export const emittery: Peer = {
  name: 'emittery',
  start: ({ sink, listeners, messages: { passed } }) => {
    const emitter = new Emittery<{ orders: { readonly value: unknown } }>()
    for (let i = 0; i < listeners; i++) emitter.on('orders', record => sink.takeAsync(record))
    const work = inBatches((from, to) => {
      let last: Promise<void> | undefined
      for (let i = from; i < to; i++) last = emitter.emit('orders', passed(i))
      return last
    })
    return { share: 0.1, work }
  },
}
