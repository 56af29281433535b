import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toTaskIds } from '../../src/server/streams/tasks.ts'
import { type Ask, KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

type Said = Readonly<Record<string, any>>

const named = (taskIds: any): string[] | undefined =>
  taskIds
    ?.flatMap(({ subtopologyId, partitions }: any) =>
      partitions.map((each: number) => `${subtopologyId}_${each}`),
    )
    .sort()

/** A group whose members count the records of a topic of two partitions, and what came of what they said. */
class Group {
  readonly told: unknown[] = []
  readonly #ask: Ask
  readonly #groupId: string
  readonly #members = new Map<string, { epoch: number; active: string[]; standby: string[] }>()

  constructor(ask: Ask, groupId: string) {
    this.#ask = ask
    this.#groupId = groupId
  }

  async prepare(standbys: number): Promise<void> {
    const id = this.#groupId
    const topics = ['in', 'changelog'].map(each => ({
      ...{ name: `${id}-${each}`, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] },
    }))
    await this.#ask('createTopics', 7, { topics, timeoutMs: 10_000 })
    await this.#ask('findCoordinator', 4, { keyType: 0, coordinatorKeys: [id] })
    await this.#until(async () => {
      const { groups } = await this.#ask('streamsGroupDescribe', 1, { groupIds: [id] })
      return groups[0].errorCode === 69
    })
    const name = 'streams.num.standby.replicas'
    const of = { resourceType: 32, resourceName: id }
    const configs = [{ name, configOperation: 0, value: String(standbys) }]
    await this.#ask('incrementalAlterConfigs', 1, { resources: [{ ...of, configs }] })
    await this.#until(async () => {
      const { results } = await this.#ask('describeConfigs', 4, {
        resources: [{ ...of, configurationKeys: [name] }],
      })
      return results[0].configs[0].configSource === 8
    })
  }

  // A broker knows of a change a moment after it has answered.
  async #until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await wait(50)
    await wait(300)
  }

  async beat(memberId: string, said: Said = {}): Promise<void> {
    const member = this.#members.get(memberId) ?? { epoch: 0, active: [], standby: [] }
    this.#members.set(memberId, member)
    const answer = await this.#ask('streamsGroupHeartbeat', 1, {
      groupId: this.#groupId,
      memberId,
      memberEpoch: member.epoch,
      ...said,
    })
    const { errorCode, memberEpoch, status } = answer
    const [active, standby] = [named(answer.activeTasks), named(answer.standbyTasks)]
    this.told.push([memberId, errorCode, memberEpoch, active, standby, named(answer.warmupTasks), status])
    if (errorCode !== 0 || memberEpoch < 0) return
    member.epoch = memberEpoch
    member.active = active ?? member.active
    member.standby = standby ?? member.standby
  }

  join(memberId: string, said: Said = {}): Promise<void> {
    const id = this.#groupId
    const changelog = { name: `${id}-changelog`, partitions: 0, replicationFactor: 0, topicConfigs: [] }
    const subtopology = {
      subtopologyId: '0',
      sourceTopics: [`${id}-in`],
      stateChangelogTopics: [changelog],
    }
    return this.beat(memberId, {
      memberEpoch: 0,
      topology: { epoch: 0, subtopologies: [subtopology] },
      rebalanceTimeoutMs: 60_000,
      processId: memberId,
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [] },
      ...said,
    })
  }

  /** A heartbeat of who has just what it was told to have. */
  owns(memberId: string, said: Said = {}): Promise<void> {
    const { active, standby } = this.#members.get(memberId)!
    const owned = { activeTasks: toTaskIds(active), standbyTasks: toTaskIds(standby), warmupTasks: [] }
    return this.beat(memberId, { ...owned, ...said })
  }

  async settle(...memberIds: string[]): Promise<void> {
    for (let round = 0; round < 3; round++) for (const each of memberIds) await this.owns(each)
    await this.describe()
  }

  async describe(): Promise<void> {
    const groupIds = [this.#groupId]
    const request = { groupIds, includeAuthorizedOperations: false, includeTopologyDescription: true }
    const { groups } = await this.#ask('streamsGroupDescribe', 1, request)
    const { groupState, groupEpoch, assignmentEpoch, assignorName, topologyDescriptionStatus, members } =
      groups[0]
    this.told.push([groupState, groupEpoch, assignmentEpoch, assignorName, topologyDescriptionStatus])
    const tasks = ({ activeTasks, standbyTasks }: any) => [named(activeTasks), named(standbyTasks)]
    const shown = members.map(
      ({ memberId, memberEpoch, instanceId, assignment, targetAssignment, ...more }: any) => [
        ...[memberId, memberEpoch, instanceId, ...tasks(assignment), ...tasks(targetAssignment)],
        ...[more.processId, more.taskOffsets, more.taskEndOffsets, more.userEndpoint],
      ],
    )
    this.told.push(shown.sort())
  }
}

const at = (partition: number, offset: number) => ({ subtopologyId: '0', partition, offset })

describe.skipIf(!isKafkaInstalled)(
  'a real Kafka and a served broker tell members of streams groups the same',
  () => {
    const both = new KafkaAndServed()
    beforeAll(async () => {
      const noDelays = {
        'group.streams.initial.rebalance.delay.ms': 0,
        'group.streams.assignment.interval.ms': 0,
      }
      await both.start({ properties: noDelays })
    }, 120_000)
    afterAll(() => both.close())

    async function compare(
      name: string,
      standbys: number,
      talk: (group: Group) => Promise<void>,
    ): Promise<void> {
      const [real, served] = await both.each(async ask => {
        const group = new Group(ask, name)
        await group.prepare(standbys)
        await talk(group)
        return group.told
      })
      expect(served).toEqual(real)
    }

    it('whose tasks change their roles', { timeout: 60_000 }, () =>
      compare('roles', 1, async group => {
        await group.join('a')
        await group.owns('a')
        await group.join('b')
        await group.beat('a')
        await group.describe()
        await group.owns('a', { activeTasks: toTaskIds(['0_0', '0_1']) })
        await group.settle('b', 'a')
        await group.beat('b', { memberEpoch: -1 })
        await group.owns('a')
        await group.settle('a')
      }),
    )

    it('that are static', { timeout: 60_000 }, () =>
      compare('static', 0, async group => {
        const one = { instanceId: 'one' }
        await group.join('a', one)
        await group.join('b')
        await group.settle('a', 'b')
        await group.join('c', one)
        await group.join('a', one)
        for (const instanceId of ['one', 'two', '']) await group.beat('a', { instanceId })
        for (const memberId of ['c', 'b']) await group.beat(memberId, { memberEpoch: -2, ...one })
        await group.beat('a', { memberEpoch: -2 })
        await group.beat('a', { memberEpoch: -3, ...one })
        await group.beat('a', { memberEpoch: -2, ...one })
        await group.describe()
        for (const said of [{}, one]) await group.beat('a', said)
        await group.owns('b')
        // As another process: Kafka gives who comes back as the same its tasks only with its next heartbeat.
        await group.join('next', { processId: 'other', ...one })
        await group.settle('next', 'b')
        for (const said of [{}, one]) await group.beat('a', said)
        await group.beat('next', { memberEpoch: -1, ...one })
        await group.beat('b', { memberEpoch: -1 })
        await group.describe()
      }),
    )

    it('that say how far their tasks are', { timeout: 60_000 }, () =>
      compare('offsets', 1, async group => {
        await group.join('a')
        await group.beat('a', { taskOffsets: [at(1, 5), at(0, 3)], taskEndOffsets: [at(1, 10)] })
        await group.beat('a', { taskOffsets: [at(0, 1), at(0, 2)] })
        await group.beat('a', { taskEndOffsets: [] })
        await group.describe()
        await group.join('b', { taskOffsets: [at(1, 50)] })
        await group.settle('a', 'b')
        await group.join('c', { taskOffsets: [at(0, 1000), at(1, 1000)] })
        await group.settle('a', 'b', 'c')
        await group.beat('a', { memberEpoch: -1 })
        await group.settle('b', 'c')
        for (const partition of [1, 2]) {
          const warmupTasks = [{ subtopologyId: '0', partitions: [partition] }]
          await group.owns('b', { warmupTasks })
        }
        await group.join('d', { warmupTasks: [{ subtopologyId: '0', partitions: [0] }] })
      }),
    )
  },
)
