import type { Mutation } from '../mutation.ts'

export const brokerMutations: readonly Mutation[] = [
  {
    name: 'a timer that was replaced still fires',
    file: 'broker-clock.ts',
    find: 'this.#timers.get(key)?.cancel()\n    const fire',
    replace: 'const fire',
    breaks: 'a later timer of the same key replaces the one before',
  },
  {
    name: 'who waits for a state is looked at only once',
    file: 'conditions.ts',
    find: 'this.#looking = false\n    for',
    replace: 'for',
    breaks: 'idle, stable and caughtUp resolve when what they wait for has come',
  },
  {
    name: 'idle does not wait for a restart',
    file: 'consumer/consumer-lifecycle.ts',
    find: `if (this.#life === 'restarting') pending.push('restarts')\n    else if`,
    replace: 'if',
    breaks: 'idle waits for who comes back',
  },
  {
    name: 'idle does not wait for handlers',
    file: 'broker/quiescence.ts',
    find: 'pending.push(...client.pending())',
    replace: '',
    breaks: 'idle waits until no handler is running',
  },
  {
    name: 'a listener is called in the middle of a change',
    file: 'events.ts',
    find: 'else if (this.listens(name)) this.#outbox.push(() => void this.#emitter.emit(name, payload))',
    replace: 'else if (this.listens(name)) this.#emitter.emit(name, payload)',
    breaks: 'events are told after the outermost call into the core has finished',
  },
  {
    name: 'a standalone reader is not told of new partitions',
    file: 'broker/group-coordinator.ts',
    find: 'for (const group of this.#standalone) group.topicChanged(name)',
    replace: '',
    breaks: 'a standalone reader reads all partitions',
  },
  {
    name: 'a reader of given partitions is not told that its topic is gone',
    file: 'broker/group-coordinator.ts',
    find: 'for (const membership of this.#manual) membership.topicDeleted(name)',
    replace: '',
    breaks: 'onLost tells of partitions that are gone',
  },
  {
    name: 'who waits behind a send that gave up waits on',
    file: 'broker/waiting-sends.ts',
    find: 'send.fail(signal.reason)\n    // The sends behind them may fit.\n    this.freed()',
    replace: 'send.fail(signal.reason)',
    breaks: 'a send goes on as soon as there is room for it',
  },
  {
    name: 'who begins while the broker closes is left running',
    file: 'broker.ts',
    find: 'const late = await this.#closeClients(leftMs())',
    replace: 'const late: readonly Unread[] = []',
    breaks: 'close ends every consumer',
  },
  {
    name: 'who waited for the broker is waited for when it is through',
    file: 'broker/waiting-sends.ts',
    find: 'if (send.shortage.partition === undefined) this.#waitsForBroker--',
    replace: 'void 0',
    breaks: 'who waits for room in a partition keeps nobody who writes elsewhere',
  },
]
