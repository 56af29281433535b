import { setTimeout as sleep } from 'node:timers/promises'
import { subscription } from '../../helpers/consumer-protocol.ts'
import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

const memberIdRequired = 79

/** A client, which joins and syncs on a connection of its own: both are answered late. */
interface Client {
  readonly name: string
  readonly instanceId: string | null
  readonly ask: Ask
  memberId: string
  generation: number
  /** The members that it is to assign to, if it leads. */
  members: readonly { readonly memberId: string }[]
  leads: boolean
  /** What it has asked, and is not answered yet. */
  waits: 'joinGroup' | 'syncGroup' | undefined
}

/** Clients of one group whose leader assigns, also those that are late, or wrong. */
export class Clients {
  readonly #talk: Talk
  readonly #ask: Ask
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #clients: readonly Client[]
  /** What each member id is called: the client that got it, and how many it had before. */
  readonly #names = new Map<string, string>([['', '-']])
  /** Ids that were given, and that nobody has joined with yet. */
  readonly #promised = new Set<string>()
  readonly #come: { readonly client: Client; readonly answer: any }[] = []

  constructor(talk: Talk) {
    this.#talk = talk
    this.#ask = talk.connect()
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-g`
    this.#clients = [
      ['a', null],
      ['b', null],
      ['c', null],
      ['s', 'one'],
      ['t', 'one'],
    ].map(([name, instanceId]) => ({
      name: name!,
      instanceId: instanceId!,
      ask: talk.connect(),
      ...nothing,
      waits: undefined,
    }))
  }

  async converse(steps: number): Promise<void> {
    await this.#known.findCoordinators([this.#group], this.#ask)
    for (let i = 0; i < steps; i++) {
      await this.#step()
      await this.#quiet()
    }
  }

  async #step(): Promise<void> {
    const talk = this.#talk
    const client = talk.oneOf(this.#clients)
    const dice = talk.below(100)
    if (dice < 45) await this.#join(client)
    else if (dice < 65) this.#sync(client)
    else if (dice < 75) await this.#beat(client)
    else if (dice < 82) await this.#leave(client)
    else if (dice < 88) await this.#commit(client)
    else if (dice < 91) await this.#offsets()
    else await this.#describe()
  }

  // Until nothing more comes, of what the group's state says that it comes. It is told by client, as it comes at once.
  async #quiet(): Promise<void> {
    for (let silent = 0, round = 0; round < 60 && (silent < 2 || (await this.#owes())); round++) {
      const before = this.#come.length
      await sleep(10)
      // Is answered after what was asked before.
      await this.#ask('heartbeat', 4, { groupId: this.#group, generationId: 0, memberId: 'nobody' })
      silent = before === this.#come.length ? silent + 1 : 0
    }
    const come = this.#come.splice(0).sort((a, b) => (a.client.name < b.client.name ? -1 : 1))
    for (const { client, answer } of come)
      if (answer.memberId !== undefined) this.#name(answer.memberId, client)
    for (const { client, answer } of come) {
      client.waits = undefined
      const told = answer.memberId === undefined ? this.#synced(answer) : this.#joined(client, answer)
      this.#talk.tell('came', `${client.name} ${JSON.stringify(told)}`)
    }
  }

  async #owes(): Promise<boolean> {
    const waits = this.#clients.filter(each => !this.#come.some(({ client }) => client === each))
    const joins = waits.some(each => each.waits === 'joinGroup')
    const syncs = waits.some(each => each.waits === 'syncGroup')
    if (!joins && !syncs) return false
    const { groups } = await this.#ask('describeGroups', 5, { groups: [this.#group] })
    const { groupState, members } = groups[0]
    if (groupState === 'PreparingRebalance') return syncs || members.length <= 1
    return joins || groupState !== 'CompletingRebalance'
  }

  #name(memberId: string, client?: Client): string {
    const known = this.#names.get(memberId)
    if (known !== undefined || client === undefined) return known ?? memberId
    const had = [...this.#names.values()].filter(each => each.startsWith(client.name)).length
    const name = `${client.name}${had + 1}`
    this.#names.set(memberId, name)
    return name
  }

  #late(client: Client, api: 'joinGroup' | 'syncGroup', version: number, request: object): void {
    client.waits = api
    // Whoever still waits at the end of a conversation is not answered.
    client.ask(api, version, request).then(
      answer => this.#come.push({ client, answer }),
      () => undefined,
    )
  }

  async #join(client: Client): Promise<void> {
    const talk = this.#talk
    const version = client.instanceId === null ? talk.below(10) : 5 + talk.below(5)
    const memberId = talk.chance(0.95) ? client.memberId : talk.oneOf(['', 'nobody'])
    const protocolType = talk.chance(0.96) ? 'consumer' : talk.oneOf(['', 'connect'])
    const metadata = subscription(talk.oneOf([['x'], ['x'], ['x', 'y']]))
    const [range, other] = ['range', 'other'].map(name => ({ name, metadata }))
    // Where two protocols have as many votes, Kafka goes by the hash of their names.
    const protocols = talk.oneOf([[range], [range], [range, other], [range, other], [other], []])
    if (client.waits || (await this.#isApart(memberId!, protocolType !== '' && protocols.length > 0))) return
    const request = {
      groupId: this.#group,
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      memberId,
      groupInstanceId: version < 5 ? null : client.instanceId,
      protocolType,
      protocols,
    }
    const names = protocols.map(each => each!.name)
    const what = `joins v${version} as ${this.#name(memberId)}, ${protocolType} ${names} ${metadata.length}`
    talk.tell(client.name, what)
    this.#late(client, 'joinGroup', version, request)
  }

  // The first members of a group wait for whoever was given an id, at Kafka only for a time (here none). A first join
  // that is refused leaves an empty group behind at Kafka.
  async #isApart(memberId: string, fits: boolean): Promise<boolean> {
    if (fits && [...this.#promised].every(each => each === memberId)) return false
    const { groups } = await this.#ask('describeGroups', 5, { groups: [this.#group] })
    return ['Empty', 'Dead'].includes(groups[0].groupState)
  }

  #joined(client: Client, answer: any): unknown {
    const { errorCode, generationId, protocolType, protocolName, skipAssignment, memberId, members } = answer
    if (errorCode === 0) {
      client.generation = generationId
      client.members = members
      client.leads = answer.leader === memberId
    } else if (errorCode !== memberIdRequired) Object.assign(client, nothing)
    if (errorCode === 0 || errorCode === memberIdRequired) client.memberId = memberId
    if (errorCode === memberIdRequired) this.#promised.add(memberId)
    if (errorCode === 0) this.#promised.delete(memberId)
    const all = members.map((each: any) => [
      this.#name(each.memberId),
      each.groupInstanceId,
      each.metadata.length,
    ])
    return [
      'joined',
      errorCode,
      generationId,
      protocolType,
      protocolName,
      answer.leader === memberId,
      skipAssignment,
      this.#name(memberId),
      all.sort(),
    ]
  }

  #sync(client: Client): void {
    const talk = this.#talk
    const version = client.instanceId === null ? talk.below(6) : 3 + talk.below(3)
    const generationId = this.#someGeneration(client)
    const [protocolType, protocolName] = talk.oneOf([
      ['consumer', 'range'],
      ['consumer', 'range'],
      ['consumer', 'range'],
      ['consumer', 'other'],
      ['connect', 'range'],
      [null, null],
    ])
    const gives = talk.oneOf(['all', 'all', 'nothing', 'some'])
    if (client.waits) return
    const to = client.leads ? client.members.slice(gives === 'some' ? 1 : gives === 'all' ? 0 : Infinity) : []
    const assignments = to.map(({ memberId }) => ({ memberId, assignment: Buffer.from('to read') }))
    const request = {
      groupId: this.#group,
      generationId,
      memberId: client.memberId,
      groupInstanceId: client.instanceId,
      protocolType,
      protocolName,
      assignments: gives === 'some' ? [] : assignments,
    }
    talk.tell(client.name, `syncs v${version} at ${generationId}, ${protocolType} ${protocolName} ${gives}`)
    this.#late(client, 'syncGroup', version, request)
  }

  #synced({ errorCode, protocolType, protocolName, assignment }: any): unknown {
    return ['synced', errorCode, protocolType, protocolName, assignment.length]
  }

  #someGeneration({ generation }: Client): number {
    const talk = this.#talk
    return talk.chance(0.9) ? generation : talk.oneOf([generation + 1, generation - 1, -1, 0])
  }

  async #beat(client: Client): Promise<void> {
    const version = this.#talk.below(5)
    const { memberId, instanceId } = client
    const generationId = this.#someGeneration(client)
    const request = { groupId: this.#group, generationId, memberId, groupInstanceId: instanceId }
    const { errorCode } = await this.#ask('heartbeat', version, request)
    this.#talk.tell(`${client.name} beats v${version} at ${generationId}`, errorCode)
  }

  // Who leads next is left to chance, so a leader does not leave more than one other member.
  async #leave(client: Client): Promise<void> {
    const talk = this.#talk
    const version = talk.below(6)
    const other = talk.oneOf(this.#clients)
    const members = talk.oneOf([
      [client],
      [client],
      [client, other],
      [{ memberId: '', instanceId: 'one' }],
      [{ memberId: 'nobody', instanceId: null }],
      [{ memberId: 'nobody', instanceId: 'one' }],
      [{ memberId: '', instanceId: 'no such' }],
      [],
    ])
    const leader = this.#clients.find(each => each.leads)
    const leads = members.some(each => each === leader || each.instanceId === 'one')
    if (leads && this.#clients.filter(each => each.memberId !== '' || each.waits).length > 2) return
    // At Kafka also the leave of one that was only given an id makes the others join again.
    if (members.some(each => this.#promised.has(each.memberId))) return
    // If nobody else is left, Kafka's group goes on waiting for that one.
    const goes = (each: Client) =>
      members.some(one => one === each || (one.instanceId !== null && one.instanceId === each.instanceId))
    const stays = (each: Client) => each.memberId !== '' && !this.#promised.has(each.memberId) && !goes(each)
    if (this.#promised.size > 0 && !this.#clients.some(stays)) return
    // Kafka never answers the sync of one that leaves.
    if (this.#clients.some(each => each.waits === 'syncGroup' && goes(each))) return
    const named = members.map(({ memberId, instanceId }) => ({ memberId, groupInstanceId: instanceId }))
    const request = { groupId: this.#group, memberId: members[0]?.memberId ?? '', members: named }
    const answer = await this.#ask('leaveGroup', version, request)
    const each = answer.members.map((one: any) => [
      this.#name(one.memberId),
      one.groupInstanceId,
      one.errorCode,
    ])
    const who = members.map(one => `${this.#name(one.memberId)}/${one.instanceId}`)
    talk.tell(`${who} leave v${version}`, [answer.errorCode, each])
    for (const one of members) if ('leads' in one) Object.assign(one, nothing)
  }

  async #commit(client: Client): Promise<void> {
    const talk = this.#talk
    const generationIdOrMemberEpoch = this.#someGeneration(client)
    const [memberId, groupInstanceId] = talk.oneOf([
      [client.memberId, client.instanceId],
      [client.memberId, client.instanceId],
      [client.memberId, null],
      ['nobody', null],
      ['', 'one'],
      ['', null],
    ])
    const { groups } = await this.#ask('describeGroups', 5, { groups: [this.#group] })
    const version = 2 + talk.below(8)
    const answer = await this.#ask('offsetCommit', version, {
      groupId: this.#group,
      generationIdOrMemberEpoch,
      memberId,
      groupInstanceId,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: talk.below(9) }] }],
    })
    const { errorCode } = answer.topics[0].partitions[0]
    // Of a group that does not exist another error is told.
    const told = groups[0].groupState === 'Dead' && errorCode !== 0 ? 'refused' : errorCode
    const who = `${this.#name(memberId!)}/${groupInstanceId}`
    talk.tell(`${who} commits v${version} at ${generationIdOrMemberEpoch}`, told)
  }

  async #offsets(): Promise<void> {
    const talk = this.#talk
    const topics = [topic, 'y'].map(name => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const asked = talk.oneOf([topics, topics.slice(0, 1), topics.slice(1)])
    const deleted = await this.#ask('offsetDelete', 0, { groupId: this.#group, topics: asked })
    talk.tell(`delete offsets of ${asked.map(({ name }) => name)}`, this.#known.plain(deleted))
    const { groups } = await this.#ask('offsetFetch', 9, { groups: [{ groupId: this.#group, topics: null }] })
    talk.tell('offsets', this.#known.plain(groups[0]))
  }

  async #describe(): Promise<void> {
    const { groups } = await this.#ask('describeGroups', this.#talk.below(7), {
      groups: [this.#group],
    })
    const { errorCode, groupState, protocolType, protocolData, members } = groups[0]
    const each = members.map((one: any) => [
      this.#names.get(one.memberId) ?? 'new',
      one.groupInstanceId,
      one.memberMetadata.length,
      one.memberAssignment.length,
    ])
    this.#talk.tell('describe', [errorCode, groupState, protocolType, protocolData, each.sort()])
    const listed = await this.#ask('listGroups', 5, {})
    const own = listed.groups.filter(({ groupId }: any) => groupId === this.#group)
    this.#talk.tell('list', this.#known.plain(own))
    const deleted = this.#talk.chance(0.2)
    if (!deleted) return
    const { results } = await this.#ask('deleteGroups', 2, { groupsNames: [this.#group] })
    this.#talk.tell('delete', results[0].errorCode)
  }
}

const nothing = { memberId: '', generation: -1, members: [], leads: false }
const topic = 'x'
