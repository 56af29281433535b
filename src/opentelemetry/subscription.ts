import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel'
import type { Trace } from '../diagnostics.ts'

/** Follows one tracing channel: `ended` gets the state that `started` returned, once the call has ended. */
export function follow<Message extends Trace, State>(
  name: string,
  started: (message: Message) => State,
  ended: (message: Message, state: State) => void,
): () => void {
  const states = new WeakMap<Message, State>()
  const end = (message: Message) => {
    const state = states.get(message)
    // A call that began before the subscription is not followed.
    if (state === undefined) return
    states.delete(message)
    ended(message, state)
  }
  const subscribers: TracingChannelSubscribers<Message> = {
    start: message => void states.set(message, started(message)),
    end: message => {
      if ('result' in message || 'error' in message) end(message)
    },
    asyncStart: () => {},
    asyncEnd: end,
    error: () => {},
  }
  const channels = tracingChannel<unknown, Message>(name)
  channels.subscribe(subscribers)
  return () => void channels.unsubscribe(subscribers)
}
