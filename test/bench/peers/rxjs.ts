import { concatMap, Subject } from 'rxjs'
import type { OrderMessage } from '../orders.ts'
import { inBatches, type Peer } from '../peer.ts'

export const rxSubject: Peer = {
  name: 'rxjs Subject',
  start: ({ sink, listeners, messages: { passed } }) => {
    const subject = new Subject<OrderMessage>()
    for (let i = 0; i < listeners; i++) subject.subscribe(record => sink.take(record))
    return inBatches((from, to) => {
      for (let i = from; i < to; i++) subject.next(passed(i))
      return undefined
    })
  },
}

/** One handler after the other; the sender waits until the batch is taken. */
export const rxConcatMap: Peer = {
  name: 'rxjs concatMap',
  start: ({ sink, listeners, messages: { passed } }) => {
    const subject = new Subject<OrderMessage>()
    for (let i = 0; i < listeners; i++) subject.pipe(concatMap(record => sink.takeAsync(record))).subscribe()
    return inBatches((from, to) => {
      const taken = sink.expect((to - from) * listeners)
      for (let i = from; i < to; i++) subject.next(passed(i))
      return taken
    })
  },
}
