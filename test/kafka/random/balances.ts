import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

interface Member {
  readonly id: string
  readonly rackId: string
  epoch: number
  owned: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]
}

/** Members that want the same of a group that assigns uniformly: how much each has, once all is given. */
export class Balances {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #members: Member[] = []
  #joined = 0

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-g`
    this.#topics = talk.oneOf([['x'], ['y'], ['x', 'y']])
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#known.findCoordinators([this.#group])
    for (let i = 0; i < steps; i++) {
      const joins = this.#members.length === 0 || (this.#members.length < 9 && talk.chance(0.6))
      if (joins) await this.#join()
      else await this.#leave()
      await this.#settle()
      const counts = this.#members.map(({ owned }) => owned.flatMap(({ partitions }) => partitions).length)
      talk.tell(joins ? 'join' : 'leave', counts.sort())
    }
  }

  async #join(): Promise<void> {
    const id = `${`m${this.#joined++}`.padStart(21, 'A')}A`
    const member = { id, rackId: this.#talk.oneOf(['r', 's']), epoch: 0, owned: [] }
    this.#members.push(member)
    await this.#beat(member, {
      ...{ rackId: member.rackId, rebalanceTimeoutMs: 60_000, serverAssignor: 'uniform' },
      subscribedTopicNames: this.#topics,
      topicPartitions: [],
    })
  }

  async #leave(): Promise<void> {
    const [member] = this.#members.splice(this.#talk.below(this.#members.length), 1)
    await this.#beat(member!, { memberEpoch: -1 })
  }

  async #beat(member: Member, said: object): Promise<void> {
    const asked = { groupId: this.#group, memberId: member.id, memberEpoch: member.epoch, ...said }
    const { errorCode, memberEpoch, assignment } = await this.#talk.ask('consumerGroupHeartbeat', 1, asked)
    if (errorCode !== 0) this.#talk.tell(member.id, errorCode)
    member.epoch = memberEpoch
    if (assignment !== null) member.owned = assignment.topicPartitions
  }

  // A Kafka notices what is free as the members' heartbeats come.
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      const before = JSON.stringify(this.#members)
      for (const member of this.#members) await this.#beat(member, { topicPartitions: member.owned })
      if (JSON.stringify(this.#members) !== before) quiet = 0
    }
  }
}
