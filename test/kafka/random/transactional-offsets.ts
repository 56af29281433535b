import { writeAssignment } from '../../../src/server/consumer-protocol.ts'
import { subscription } from '../../helpers/consumer-protocol.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS
const passing = new Set([14, 15, 16, 51])
// A member that commits for a group that does not exist hears another error, after which its client joins anew.
const noGroup = new Set([22, 69])
const unknownMember = 25
const topic = 'x'
const partitions = [0, 1, 2, 3]
const nobody = { producerId: -1, producerEpoch: -1 }

interface Member {
  readonly id: string
  readonly epoch: number
  readonly instanceId: string | null
}

/** A group's only member, which comes, goes and moves on while its offsets are committed in transactions. */
export class TransactionalOffsets {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #isClassic: boolean
  readonly #instanceId: string | null
  #member: Member | undefined
  /** Those that are gone, and the epochs that are past. */
  readonly #former: Member[] = []
  #producer: { readonly producerId: number; readonly producerEpoch: number } = nobody
  #isOpen = false
  #joined = 0

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-g`
    this.#isClassic = talk.chance(0.5)
    this.#instanceId = talk.chance(0.4) ? 'one' : null
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#known.findCoordinators([this.#group])
    await this.#known.create(topic, partitions.length)
    await this.#settled(
      () => talk.ask('findCoordinator', 4, { keyType: 1, coordinatorKeys: [talk.name] }),
      ({ coordinators }) => coordinators[0].errorCode,
    )
    await this.#init()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      // What is pending of a member that is gone, or of a past generation, aborts its transaction here, see the differences.
      if (dice < 22) {
        const movesOn = dice < 15 && this.#member !== undefined && !this.#isClassic
        if (this.#isOpen && !movesOn) continue
        if (dice < 15) await this.#join()
        else await this.#leave()
      } else if (dice < 52) await this.#commitInTransaction()
      else if (dice < 65) await this.#end()
      else if (dice < 75) await this.#commit()
      else if (dice < 80) {
        // Nor does what is pending make a group.
        if (!this.#isOpen) await this.#delete()
      } else await this.#fetch()
    }
    await this.#end()
    await this.#fetch()
  }

  async #init(): Promise<void> {
    const asked = { transactionalId: this.#talk.name, transactionTimeoutMs: 60_000, ...nobody }
    this.#producer = await this.#settled(
      () => this.#talk.ask('initProducerId', 5, asked),
      ({ errorCode }) => errorCode,
    )
  }

  // --- the member ---------------------------------------------------------------------------------------------------

  async #join(): Promise<void> {
    const before = this.#member
    const joined = await (this.#isClassic ? this.#joinAsClassic() : this.#joinAsConsumer())
    if (joined !== undefined && before !== undefined) this.#former.push(before)
    this.#member = joined ?? before
    this.#talk.tell(before === undefined ? 'join' : 'move on', joined?.epoch)
  }

  async #joinAsConsumer(): Promise<Member | undefined> {
    const there = this.#member
    const id = there?.id ?? `${`m${this.#joined++}`.padStart(21, 'A')}A`
    const instanceId = this.#instanceId
    // Whoever wants something else is at a new epoch.
    const subscribedTopicNames = there === undefined || this.#talk.chance(0.5) ? [topic, 'y'] : [topic]
    const { errorCode, memberEpoch: epoch } = await this.#talk.ask('consumerGroupHeartbeat', 1, {
      ...{ groupId: this.#group, memberId: id, instanceId, subscribedTopicNames },
      memberEpoch: there?.epoch ?? 0,
      rebalanceTimeoutMs: 60_000,
      topicPartitions: there === undefined ? [] : null,
    })
    return errorCode === 0 ? { id, epoch, instanceId } : undefined
  }

  async #joinAsClassic(): Promise<Member | undefined> {
    const talk = this.#talk
    const groupId = this.#group
    const groupInstanceId = this.#instanceId
    const metadata = subscription(talk.chance(0.5) ? [topic] : [topic, 'y'])
    // Without a name of its own it is a member at once.
    const joined = await talk.ask('joinGroup', groupInstanceId === null ? 3 : 5, {
      ...{ groupId, groupInstanceId, memberId: this.#member?.id ?? '', protocolType: 'consumer' },
      ...{ sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 },
      protocols: [{ name: 'range', metadata }],
    })
    if (joined.errorCode !== 0) return undefined
    const { memberId, generationId } = joined
    const assignment = writeAssignment(partitions.map(partition => ({ topic, partition })))
    await talk.ask('syncGroup', 3, {
      ...{ groupId, generationId, memberId, groupInstanceId },
      assignments: [{ memberId, assignment }],
    })
    return { id: memberId, epoch: generationId, instanceId: groupInstanceId }
  }

  async #leave(): Promise<void> {
    const member = this.#member
    if (member === undefined) return
    const [groupId, memberId, groupInstanceId] = [this.#group, member.id, member.instanceId]
    const { errorCode } = this.#isClassic
      ? await this.#talk.ask('leaveGroup', 3, { groupId, members: [{ memberId, groupInstanceId }] })
      : await this.#talk.ask('consumerGroupHeartbeat', 1, {
          ...{ groupId, memberId, instanceId: groupInstanceId, memberEpoch: -1 },
        })
    this.#former.push(member)
    this.#member = undefined
    this.#talk.tell('leave', errorCode)
  }

  // --- offsets ------------------------------------------------------------------------------------------------------

  /** The member mostly, or one that was, or nobody: as what it is told, and as what it commits. */
  #identity(): readonly [string, object] {
    const talk = this.#talk
    const present = this.#member
    const none = { id: '', epoch: -1, instanceId: null }
    const member = talk.oneOf([present, present, present, present, talk.oneOf(this.#former), none]) ?? none
    const is = member === none ? 'nobody' : member === present ? 'the member' : `a former at ${member.epoch}`
    const by = member === none ? 0 : talk.oneOf([0, 0, 0, 0, 0, 1, 100])
    const groupInstanceId = talk.oneOf([member.instanceId, member.instanceId, null, 'other'])
    const epoch = member.epoch + by
    const isUnknown = talk.chance(0.05)
    return [
      `${isUnknown ? 'no member' : is} ${by} ${groupInstanceId}`,
      { memberId: isUnknown ? 'nobody' : member.id, generationIdOrMemberEpoch: epoch, groupInstanceId },
    ]
  }

  #asked(partitionIndex: number, committedOffset: number) {
    const topicId = this.#known.idOf(topic)
    return [
      { name: topic, topicId, partitions: [{ partitionIndex, committedOffset, committedMetadata: '' }] },
    ]
  }

  async #commitInTransaction(): Promise<void> {
    const talk = this.#talk
    const version = talk.oneOf([5, 5, 6])
    const [who, identity] = this.#identity()
    const { producerId, producerEpoch } = this.#producer
    const [index, offset] = [talk.below(2), talk.below(100)]
    const answer = await this.#settled(
      () =>
        talk.ask('txnOffsetCommit', version, {
          ...{ transactionalId: talk.name, groupId: this.#group, producerId, producerEpoch },
          ...identity,
          topics: this.#asked(index, offset),
        }),
      ({ topics }) => topics[0].partitions[0].errorCode,
    )
    const { errorCode } = answer.topics[0].partitions[0]
    // It has begun before it is refused.
    this.#isOpen = true
    talk.tell(`in a transaction v${version} ${index}@${offset} as ${who}`, this.#plain(errorCode))
  }

  async #commit(): Promise<void> {
    const talk = this.#talk
    const version = 8 + talk.below(3)
    const [who, identity] = this.#identity()
    const offset = talk.below(100)
    // Of two commits of an offset the one that is decided later counts here, see the differences.
    const asked = { groupId: this.#group, ...identity, topics: this.#asked(2, offset) }
    const { topics } = await talk.ask('offsetCommit', version, asked)
    talk.tell(`commit v${version} 2@${offset} as ${who}`, this.#plain(topics[0].partitions[0].errorCode))
  }

  #plain(errorCode: number): number {
    return noGroup.has(errorCode) ? unknownMember : errorCode
  }

  async #end(): Promise<void> {
    if (!this.#isOpen) return
    const talk = this.#talk
    const committed = talk.chance(0.6)
    const { producerId, producerEpoch } = this.#producer
    const answer = await this.#settled(
      () => talk.ask('endTxn', 5, { transactionalId: talk.name, committed, producerId, producerEpoch }),
      ({ errorCode }) => errorCode,
    )
    talk.tell(committed ? 'commit' : 'abort', answer.errorCode)
    this.#isOpen = false
    this.#producer = answer
    await this.#fetched(false, true)
  }

  async #fetch(): Promise<void> {
    for (const requireStable of [false, true]) {
      this.#talk.tell(
        `offsets ${requireStable}`,
        await this.#fetched(requireStable, requireStable && !this.#isOpen),
      )
    }
  }

  /** `decided`: nothing is pending, or will not be in a moment. */
  async #fetched(requireStable: boolean, decided: boolean): Promise<unknown> {
    const topics = [{ name: topic, partitionIndexes: partitions }]
    const asked = { groups: [{ groupId: this.#group, topics }], requireStable: requireStable || decided }
    const { groups } = await this.#talk.eventually(
      () => this.#talk.ask('offsetFetch', 9, asked),
      answer => decided && answer.groups[0].topics.some(({ partitions: all }: any) => all.some(isPending)),
    )
    return this.#known.plain(groups[0])
  }

  async #delete(): Promise<void> {
    const talk = this.#talk
    const { results } = await talk.ask('deleteGroups', 2, { groupsNames: [this.#group] })
    // What was only pending has made a group at Kafka.
    const { errorCode } = results[0]
    talk.tell('delete', errorCode === 69 ? 0 : errorCode)
  }

  #settled<T>(ask: () => Promise<T>, errorOf: (answer: T) => number): Promise<T> {
    return this.#talk.eventually(ask, answer => passing.has(errorOf(answer)))
  }
}

function isPending({ errorCode }: { readonly errorCode: number }): boolean {
  return errorCode === 88
}
