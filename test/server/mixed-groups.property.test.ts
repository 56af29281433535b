import { expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { testBroker } from '../helpers/test-broker.ts'
import {
  ClassicClient,
  type Client,
  ConsumerProtocolClient,
  groupId,
  OwnClient,
  Served,
  topic,
} from './mixed-group-model.ts'

const partitions = 6
const all = Array.from({ length: partitions }, (_, partition) => partition)

async function run(seed: number): Promise<{ converted: number; returned: number }> {
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const { broker, clock } = testBroker()
  broker.createTopic(topic, { partitions })
  const served = new Served(broker.engine)
  // Classic clients have to agree on a protocol, so they are of one kind.
  const classic = below(2) === 0 ? 'eager' : 'cooperative'
  let clients: Client[] = []
  const counts = { converted: 0, returned: 0 }
  let mixed = false

  const start = () => {
    const instanceId = below(4) === 0 ? `static${below(2)}` : null
    // The one that had it before is gone without a word.
    if (instanceId !== null) clients = clients.filter(each => each.instanceId !== instanceId)
    const kind = below(instanceId === null ? 4 : 3)
    if (kind <= 1) clients.push(new ClassicClient(served, classic, instanceId))
    else if (kind === 2) clients.push(new ConsumerProtocolClient(served, instanceId))
    else clients.push(new OwnClient(served))
  }

  // Nobody else has what a member of the group works on.
  const check = () => {
    const owners = new Map<number, Client>()
    for (const client of clients) {
      if (!served.knows(client.memberId)) continue
      for (const partition of client.holding) {
        const other = owners.get(partition)
        if (other !== undefined) {
          throw new Error(`${partition} has two owners: ${other.memberId} and ${client.memberId}`)
        }
        owners.set(partition, client)
      }
    }
    const classicMembers = served.groups.get(groupId)?.members.length ?? 0
    const assigned = broker.engine.groups.get(groupId)?.memberCount ?? 0
    if (classicMembers > 0 && assigned > 0) throw new Error('members are in two groups')
    if (assigned > 0 && !mixed && classicMembers === 0) counts.converted++
    if (classicMembers > 0 && mixed) counts.returned++
    mixed = assigned > 0
  }

  const commit = (client: Client) => {
    const [partition] = client.holding
    if (partition === undefined || client.waiting || !served.knows(client.memberId)) return
    const refused = client.commit(partition)
    // Only a leader that is about to assign keeps a member from committing what it has.
    if (refused !== undefined && refused !== 'REBALANCE_IN_PROGRESS') {
      throw new Error(`${client.memberId} may not commit ${partition}, which it has: ${refused}`)
    }
  }

  for (let i = 0; i < 400; i++) {
    const client = clients[below(clients.length)]
    const dice = below(100)
    if (client === undefined || (dice < 5 && clients.length < 6)) start()
    else if (dice < 10) {
      // The others are gone without a word, which a consumer of the process cannot be.
      if (dice < 8 || client instanceof OwnClient) client.leave()
      clients = clients.filter(each => each !== client)
    } else if (dice < 20) commit(client)
    else if (dice < 25) await clock.advance(below(4000))
    else client.step()
    check()
  }

  // Everybody is quick from now on, and the sessions of those who are gone end.
  for (let round = 0; round < 100; round++) {
    for (const client of clients) {
      client.step()
      check()
    }
    await clock.advance(1000)
    check()
  }
  if (clients.length > 0) {
    expect(clients.every(client => client.settled)).toBe(true)
    expect(clients.flatMap(client => [...client.holding]).sort()).toEqual(all)
    const onlyClassic = clients.every(client => client instanceof ClassicClient)
    expect(served.groups.get(groupId)?.members.length ?? 0).toBe(onlyClassic ? clients.length : 0)
    for (const client of clients) commit(client)
  }
  return counts
}

it('never gives a partition to two members of whatever kinds, and all of them when things settle', async () => {
  const counts = { converted: 0, returned: 0 }
  for (let seed = 1; seed <= 100; seed++) {
    try {
      const { converted, returned } = await run(seed)
      counts.converted += converted
      counts.returned += returned
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
    }
  }
  expect(counts.converted).toBeGreaterThan(50)
  expect(counts.returned).toBeGreaterThan(50)
}, 60_000)
