import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel'
import type { Trace } from '../diagnostics.ts'

/**
 * Follows one tracing channel: `ended` gets the state that `started` returned, once the call has ended. Returns a function
 * that stops it: no later call is followed, and those under way still end.
 */
export function follow<Message extends Trace, State>(
  name: string,
  started: (message: Message) => State,
  ended: (message: Message, state: State) => void,
): () => void {
  const states = new WeakMap<Message, State>()
  let underWay = 0
  let stopped = false
  const end = (message: Message) => {
    const state = states.get(message)
    // A call that began before the subscription is not followed.
    if (state === undefined) return
    states.delete(message)
    underWay--
    ended(message, state)
    unsubscribeAtEnd()
  }
  const subscribers: TracingChannelSubscribers<Message> = {
    start: message => {
      if (stopped) return
      states.set(message, started(message))
      underWay++
    },
    end: message => {
      if ('result' in message || 'error' in message) end(message)
    },
    asyncStart: () => {},
    asyncEnd: end,
    error: () => {},
  }
  const channels = tracingChannel<unknown, Message>(name)
  const unsubscribeAtEnd = () => {
    if (stopped && underWay === 0) channels.unsubscribe(subscribers)
  }
  channels.subscribe(subscribers)
  return () => {
    stopped = true
    unsubscribeAtEnd()
  }
}
