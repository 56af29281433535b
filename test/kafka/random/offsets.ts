import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

// A member that commits for a group that does not exist hears another error, after which its client joins anew.
const noGroup = new Set([22, 69])
const unknownMember = 25
const noId = '00000000-0000-0000-0000-000000000000'

/** Administrators, and consumers that assign by themselves, at the offsets of groups that have no members. */
export class Offsets {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #topics: readonly string[]
  readonly #groups: readonly string[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#topics = ['x', 'y', 'gone'].map(each => `${talk.name}-${each}`)
    this.#groups = ['g', 'h', 'i'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    await this.#known.findCoordinators(this.#groups)
    await this.#known.create(this.#topics[0]!, 3)
    await this.#known.create(this.#topics[1]!, 1)
    for (let i = 0; i < steps; i++) await this.#step()
    for (const groupId of this.#groups)
      await this.#tell('offsetFetch', 9, { groups: [{ groupId, topics: null }] })
    await this.#list()
  }

  async #step(): Promise<void> {
    const dice = this.#talk.below(100)
    if (dice < 40) await this.#commit()
    else if (dice < 65) await this.#fetch()
    else if (dice < 73) await this.#delete()
    else if (dice < 79)
      await this.#tell('deleteGroups', this.#talk.below(3), { groupsNames: this.#someGroups() })
    else if (dice < 85) await this.#list()
    else if (dice < 90) await this.#describe()
    else if (dice < 95) await this.#find()
    else await this.#changeTopic()
  }

  async #tell(api: Parameters<Talk['ask']>[0], version: number, request: object): Promise<any> {
    const answer = await this.#talk.ask(api, version, request)
    this.#talk.tell(`${api} v${version} ${this.#show(request)}`, this.#known.plain(answer))
    return answer
  }

  #group(): string {
    return this.#talk.chance(0.7) ? this.#groups[0]! : this.#talk.oneOf(this.#groups)
  }

  #someGroups(): string[] {
    const [g, h, i] = this.#groups as [string, string, string]
    return this.#talk.oneOf([[g], [g, h], [h, i], [i], [''], [g, g], [h, 'none'], []])
  }

  // By its name or its id, whichever the version has. Now and then there is no such topic.
  #topic(): { readonly name: string; readonly topicId: string } {
    const name = this.#talk.oneOf([
      ...this.#topics,
      ...this.#topics.slice(0, 2),
      ...this.#topics.slice(0, 2),
      'no such',
      '',
    ])
    return { name, topicId: name === '' ? noId : this.#known.idOf(name) }
  }

  #somePartitions(): number[] {
    return this.#talk.oneOf([[0], [0], [0, 1], [1], [2], [0, 2], [3], [-1], [0, 0]])
  }

  #partitions(): number[] {
    return this.#talk.chance(0.1) ? [] : this.#somePartitions()
  }

  #manyTopics() {
    return Array.from({ length: this.#talk.oneOf([1, 1, 1, 2, 2, 0]) }, () => this.#topic())
  }

  // Of a topic that is named twice, or without a partition, the answers have another shape.
  #distinctTopics() {
    return [...new Map(this.#manyTopics().map(topic => [topic.name, topic])).values()]
  }

  async #commit(): Promise<void> {
    const talk = this.#talk
    const [memberId, generationIdOrMemberEpoch, groupInstanceId] = talk.oneOf([
      ['', -1, null],
      ['', -1, null],
      ['', -1, null],
      ['', -1, null],
      ['someone', -1, null],
      ['', 3, null],
      ['someone', 3, null],
      ['', 0, null],
      ['', -1, 'somewhere'],
      ['', -2, null],
    ])
    const groupId = this.#group()
    const { groups } = await talk.ask('describeGroups', 5, { groups: [groupId] })
    const isThere = groups[0].groupState !== 'Dead'
    const topics = this.#distinctTopics().map(topic => ({
      ...topic,
      partitions: this.#somePartitions().map(partitionIndex => ({
        partitionIndex,
        committedOffset: talk.oneOf([0, 5, 7, 100, -1, -2, 2 ** 40]),
        committedLeaderEpoch: talk.oneOf([-1, -1, 0, 4]),
        // At Kafka a commit whose metadata is too long leaves a new group behind.
        committedMetadata: talk.oneOf([null, '', 'some', 'm'.repeat(4096), 'm'.repeat(isThere ? 4097 : 1)]),
      })),
    }))
    const request = { groupId, memberId, generationIdOrMemberEpoch, groupInstanceId, topics }
    const version = 2 + talk.below(9)
    const answer = await talk.ask('offsetCommit', version, request)
    for (const each of answer.topics.flatMap(({ partitions }: any) => partitions))
      if (!isThere && noGroup.has(each.errorCode)) each.errorCode = unknownMember
    this.#talk.tell(`commit v${version} ${this.#show(request)}`, this.#known.plain(answer))
  }

  #show(request: object): string {
    return JSON.stringify(this.#known.plain(request))
  }

  async #fetch(): Promise<void> {
    const talk = this.#talk
    const version = 1 + talk.below(10)
    const wanted = () => {
      if (version > 1 && talk.chance(0.3)) return null
      return this.#manyTopics().map(topic => ({ ...topic, partitionIndexes: this.#partitions() }))
    }
    const identity = talk.oneOf([
      { memberId: null, memberEpoch: -1 },
      { memberId: null, memberEpoch: -1 },
      { memberId: 'someone', memberEpoch: 4 },
      { memberId: '', memberEpoch: -1 },
      { memberId: null, memberEpoch: 3 },
    ])
    const requireStable = talk.chance(0.3)
    if (version < 8) {
      return this.#tell('offsetFetch', version, { groupId: this.#group(), topics: wanted(), requireStable })
    }
    const ids = talk.chance(0.2) ? this.#someGroups() : [this.#group()]
    const groups = ids.map(groupId => ({ groupId, ...identity, topics: wanted() }))
    await this.#tell('offsetFetch', version, { groups, requireStable })
  }

  async #delete(): Promise<void> {
    const topics = this.#distinctTopics().map(({ name }) => ({
      name,
      partitions: this.#somePartitions().map(partitionIndex => ({ partitionIndex })),
    }))
    const groupId = this.#talk.chance(0.1) ? '' : this.#group()
    await this.#tell('offsetDelete', 0, { groupId, topics })
  }

  // Groups of other conversations are there, too.
  async #list(): Promise<void> {
    const talk = this.#talk
    const version = talk.below(6)
    const statesFilter = talk.oneOf([[], [], ['Empty'], ['empty', 'Dead'], ['Stable'], ['none'], ['']])
    const typesFilter = talk.oneOf([
      [],
      [],
      ['Classic'],
      ['classic', 'consumer'],
      ['consumer'],
      ['none'],
      [''],
    ])
    const { errorCode, groups } = await talk.ask('listGroups', version, { statesFilter, typesFilter })
    const own = groups.filter(({ groupId }: any) => groupId.startsWith(`${talk.name}-`))
    talk.tell(`list v${version} ${statesFilter}, ${typesFilter}`, [errorCode, this.#known.plain(own)])
  }

  async #describe(): Promise<void> {
    const talk = this.#talk
    const includeAuthorizedOperations = talk.chance(0.3)
    if (talk.chance(0.5)) {
      const groups = this.#someGroups()
      await this.#tell('describeGroups', talk.below(7), { groups, includeAuthorizedOperations })
    } else {
      const groupIds = this.#someGroups()
      await this.#tell('consumerGroupDescribe', talk.below(2), { groupIds, includeAuthorizedOperations })
    }
  }

  async #find(): Promise<void> {
    const talk = this.#talk
    const keyType = talk.oneOf([0, 0, 0, 1, 2, 3, -1])
    const version = talk.below(7)
    const request = { key: this.#someGroups()[0] ?? '', keyType, coordinatorKeys: this.#someGroups() }
    const passing = (each: any) => each.errorCode === 15
    const answer = await talk.eventually(
      () => talk.ask('findCoordinator', version, request),
      each => (each.coordinators?.some(passing) ?? false) || passing(each),
    )
    talk.tell(`find v${version} ${JSON.stringify(request)}`, this.#known.plain(answer))
  }

  // What was committed for a topic that is gone goes a moment later.
  async #changeTopic(): Promise<void> {
    const talk = this.#talk
    const name = this.#topics[2]!
    if (this.#there) {
      await this.#known.delete(name)
      talk.tell('deleted', name)
      for (const groupId of this.#groups) {
        await talk.eventually(
          () => talk.ask('offsetFetch', 9, { groups: [{ groupId, topics: null }] }),
          ({ groups }) => groups[0].topics.some((each: any) => each.name === name),
        )
      }
    } else {
      await this.#known.create(name, 2)
      talk.tell('created', name)
    }
    this.#there = !this.#there
  }
  #there = false
}
