import { type PubSub, type TopicPartition, topic } from 'brokerlet'

export interface Command {
  readonly kind: 'deposit' | 'withdraw'
  readonly cents: number
}

export interface AccountEvent {
  readonly kind: 'deposited' | 'withdrawn' | 'refused'
  readonly cents: number
}

export interface Account {
  readonly cents: number
}

// As many partitions each, so that all that is about one account has one number, and one owner.
const partitions = 3

export const accountTopics = {
  commands: topic<Command, string>({ partitions }),
  // What has happened, for ever.
  events: topic<AccountEvent, string>({ partitions, retentionMs: -1 }),
  // What comes of it: the newest state of each account.
  accounts: topic<Account, string>({ partitions, cleanupPolicy: 'compact' }),
}

/** What becomes of a command. */
function decide(account: Account, { kind, cents }: Command): AccountEvent {
  if (kind === 'deposit') return { kind: 'deposited', cents }
  return { kind: cents <= account.cents ? 'withdrawn' : 'refused', cents }
}

/** An account after an event. */
export function apply({ cents }: Account, event: AccountEvent): Account {
  if (event.kind === 'deposited') return { cents: cents + event.cents }
  return event.kind === 'withdrawn' ? { cents: cents - event.cents } : { cents }
}

/**
 * Decides about commands, one of an account after the other: the event, the new state and the command's offset are
 * written together. Several instances share the accounts; each has a `name` of its own.
 */
export async function startAccounts(
  bus: PubSub<typeof accountTopics>,
  { name }: { readonly name: string },
): Promise<void> {
  const accounts = new Map<string, Account>()
  const producer = bus.producer({ transactionalId: `accounts-${name}` })
  const commands = bus.consumer({
    groupId: 'accounts',
    topics: ['commands'],
    autoCommit: false,
    onAssigned: readBack,
  })
  await commands.run({
    eachRecord: async ({ key, value }, context) => {
      const account = accounts.get(key) ?? { cents: 0 }
      const event = decide(account, value)
      const changed = apply(account, event)
      await producer.transaction(async tx => {
        await tx.send({ topic: 'events', key, value: event })
        await tx.send({ topic: 'accounts', key, value: changed })
        await tx.sendOffsets(context)
      })
      // Not before: a transaction may abort, and then the command comes again.
      accounts.set(key, changed)
    },
  })

  // Whoever owned these accounts before may have changed them since this instance began. What it owns already is newer
  // in `accounts` than what is read here.
  async function readBack(assigned: readonly TopicPartition[]): Promise<void> {
    const numbers = new Set(assigned.map(({ partition }) => partition))
    for await (const { partition, key, value } of bus.consumer({ topics: ['accounts'], until: 'end' }))
      if (numbers.has(partition)) accounts.set(key, value)
  }
}

/** A service that comes later, with a table of its own: it reads all that has ever happened. */
export async function startTotals(bus: PubSub<typeof accountTopics>): Promise<ReadonlyMap<string, number>> {
  const deposited = new Map<string, number>()
  const events = bus.consumer({ topics: ['events'] })
  await events.run({
    eachRecord: ({ key, value: { kind, cents } }) => {
      if (kind === 'deposited') deposited.set(key, (deposited.get(key) ?? 0) + cents)
    },
  })
  await events.caughtUp()
  return deposited
}
