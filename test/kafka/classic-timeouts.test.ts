import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Ask, KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

const memberIdRequired = 79
const notYet = new Set([14, 15, 16])

/** A client of a group whose leader assigns. Its session outlasts its rebalance timeout. */
class Client {
  readonly #ask: Ask
  readonly #groupId: string
  readonly #groupInstanceId: string | null
  #memberId = ''
  #generationId = -1
  #members: readonly { readonly memberId: string }[] = []

  constructor(ask: Ask, groupId: string, groupInstanceId: string | null = null) {
    this.#ask = ask
    this.#groupId = groupId
    this.#groupInstanceId = groupInstanceId
  }

  get #identity() {
    return {
      groupId: this.#groupId,
      groupInstanceId: this.#groupInstanceId,
      memberId: this.#memberId,
      generationId: this.#generationId,
    }
  }

  async join(): Promise<unknown> {
    const answer = await this.#ask('joinGroup', 9, {
      ...this.#identity,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 4000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    const { errorCode, memberId, generationId, members, leader } = answer
    this.#memberId = memberId
    if (errorCode === memberIdRequired) return this.join()
    this.#generationId = generationId
    this.#members = members
    return [errorCode, generationId, members.length, leader === memberId]
  }

  async sync(): Promise<unknown> {
    const assignments = this.#members.map(({ memberId }) => ({ memberId, assignment: Buffer.from('x') }))
    const protocol = { protocolType: 'consumer', protocolName: 'range' }
    const answer = await this.#ask('syncGroup', 5, { ...this.#identity, ...protocol, assignments })
    return [answer.errorCode, answer.assignment.length]
  }

  async beat(): Promise<number> {
    return (await this.#ask('heartbeat', 4, this.#identity)).errorCode
  }
}

interface Scene {
  readonly client: (groupInstanceId?: string) => Client
  /** What the group is by now, and who may stay as it is. */
  readonly tell: (...clients: Client[]) => Promise<unknown>
  /** Resolves once all members have to join again. */
  readonly rebalances: () => Promise<unknown>
}

const scenes: Readonly<Record<string, (scene: Scene) => Promise<readonly unknown[]>>> = {
  'does not ask for an assignment that is there': async ({ client, tell, rebalances }) => {
    const [leader, late] = [client(), client()]
    const told = [await leader.join(), await leader.sync()]
    const joining = late.join()
    await vi.waitFor(async () => expect(await leader.beat()).not.toBe(0))
    told.push(await leader.join(), await joining, await leader.sync(), await tell(leader, late))
    await rebalances()
    return [...told, await tell(leader, late), await leader.join()]
  },
  'is static, and stays away': async ({ client, tell, rebalances }) => {
    const [away, other] = [client('one'), client()]
    const told = [await away.join(), await away.sync(), await other.join(), await other.sync()]
    told.push(await tell(other))
    await rebalances()
    return [...told, await tell(other), await other.join()]
  },
  'is static, and comes back as another': async ({ client, tell, rebalances }) => {
    const [away, other] = [client('one'), client()]
    const told = [await away.join(), await away.sync(), await other.join(), await other.sync()]
    const back = client('one')
    told.push(await back.join(), await back.sync(), await tell(other, back))
    await rebalances()
    return [...told, await tell(other, back)]
  },
}

describe.skipIf(!isKafkaInstalled)('a real Kafka and a served broker go on alike without a member', () => {
  const kafkaAndServed = new KafkaAndServed()
  beforeAll(() => kafkaAndServed.start())
  afterAll(() => kafkaAndServed.close())

  it.each(Object.keys(scenes))('that %s', async what => {
    const [real, served] = await kafkaAndServed.each(async (_, connect) => {
      const ask = connect()
      const describeGroup = async () => (await ask('describeGroups', 5, { groups: [what] })).groups[0]
      const coordinator = { keyType: 0, coordinatorKeys: [what] }
      await vi.waitFor(
        async () => {
          const { coordinators } = await ask('findCoordinator', 4, coordinator)
          expect(coordinators[0].errorCode).toBe(0)
          expect(notYet).not.toContain((await describeGroup()).errorCode)
        },
        { timeout: 60_000 },
      )
      return scenes[what]!({
        client: groupInstanceId => new Client(connect(), what, groupInstanceId),
        tell: async (...clients) => {
          const { groupState, members } = await describeGroup()
          return [groupState, members.length, await Promise.all(clients.map(each => each.beat()))]
        },
        rebalances: () =>
          vi.waitFor(async () => expect((await describeGroup()).groupState).toBe('PreparingRebalance'), {
            timeout: 30_000,
          }),
      })
    })
    expect(served).toEqual(real)
  })
})
