import { expect, it } from 'vitest'
import { isBrokerletError } from '../../../src/errors.ts'
import { engineOf } from '../../../src/server/engine-of.ts'
import { StreamsGroup } from '../../../src/server/streams/streams-group.ts'
import type { StreamsHeartbeat } from '../../../src/server/streams/streams-heartbeat.ts'
import { noTasks, type Tasks } from '../../../src/server/streams/tasks.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { fc } from '../../helpers/fast-check.ts'

const topology = {
  epoch: 0,
  subtopologies: [
    {
      subtopologyId: '0',
      sourceTopics: ['orders'],
      repartitionSinkTopics: [],
      repartitionSourceTopics: [],
      stateChangelogTopics: [{ name: 'changelog', partitions: 0, replicationFactor: 0, topicConfigs: [] }],
      copartitionGroups: [],
    },
  ],
}

/** A thread by what it believes; `tasks` is what it works on. */
interface Thread {
  memberId: string
  readonly instanceId: string | undefined
  readonly processId: string
  epoch: number
  tasks: Tasks
  told: Tasks
}

const kinds = ['beat', 'beat', 'beat', 'quiet', 'lost', 'leave', 'away', 'silent', 'standbys'] as const
const step = fc.record({ kind: fc.constantFrom(...kinds), thread: fc.integer({ min: 0, max: 4 }) })

function start(broker: TestBroker) {
  const { topics } = engineOf('test', broker)
  const host = { topics, standbyReplicas: 1, clientTags: [], delayed: false }
  const group = new StreamsGroup('g', host)
  const makeTopic = ({ name, partitions }: { name: string; partitions: number }) =>
    void broker.createTopic(name, { partitions })
  const threads: Thread[] = ['a-1', 'a-2', 'b-1', 'b-2', 'c-1'].map(memberId => ({
    memberId,
    instanceId: memberId.endsWith('1') ? memberId : undefined,
    processId: memberId[0]!,
    epoch: 0,
    tasks: noTasks,
    told: noTasks,
  }))
  const goAway = ({ memberId, instanceId }: Thread) =>
    group.leave({ memberId, instanceId, shutdown: false }, true)
  const leave = (memberId: string) => group.leave({ memberId, instanceId: undefined, shutdown: false })
  const forget = (thread: Thread) => Object.assign(thread, { epoch: 0, tasks: noTasks, told: noTasks })
  const keeps = ({ tasks, told }: Thread): Tasks => ({
    active: new Set([...tasks.active].filter(task => told.active.has(task))),
    standby: new Set([...tasks.standby].filter(task => told.standby.has(task))),
  })
  // It gives up what it is not told to have, says so, and takes what it is told to.
  const beat = (thread: Thread, { says = true, hears = true } = {}) => {
    const joins = thread.epoch === 0
    if (says) thread.tasks = keeps(thread)
    const said: StreamsHeartbeat = {
      groupId: 'g',
      memberId: thread.memberId,
      memberEpoch: thread.epoch,
      clientId: thread.memberId,
      instanceId: thread.instanceId,
      rackId: undefined,
      rebalanceTimeoutMs: joins ? 1000 : undefined,
      topology: joins ? topology : undefined,
      owned: says ? thread.tasks : undefined,
      warmup: new Set(),
      taskOffsets: undefined,
      taskEndOffsets: undefined,
      processId: thread.processId,
      userEndpoint: undefined,
      clientTags: undefined,
      endpointEpoch: 0,
      shutdown: false,
    }
    try {
      const member = group.heartbeat(said, makeTopic)
      if (!hears) return
      thread.epoch = member.epoch
      expect(thread.epoch).toBeGreaterThan(0)
      if (!member.changed) return
      member.changed = false
      thread.told = { active: new Set(member.assigned.active.keys()), standby: member.assigned.standby }
      // A task whose role changes is one task, with one state.
      const { active, standby } = thread.told
      thread.tasks = {
        active: new Set([...[...thread.tasks.active].filter(task => !standby.has(task)), ...active]),
        standby: new Set([...[...thread.tasks.standby].filter(task => !active.has(task)), ...standby]),
      }
    } catch (error) {
      if (!isBrokerletError(error)) throw error
      forget(thread)
    }
  }
  return { group, host, threads, beat, forget, goAway, leave }
}

function checkOwners(threads: readonly Thread[]): void {
  const active = threads.flatMap(({ tasks }) => [...tasks.active])
  expect(new Set(active).size).toBe(active.length)
  for (const processId of ['a', 'b', 'c']) {
    const all = threads
      .filter(each => each.processId === processId)
      .flatMap(({ tasks }) => [...tasks.active, ...tasks.standby])
    expect(new Set(all).size).toBe(all.length)
  }
}

it('never lets two threads work on a task, nor a process have it twice, and comes to rest with all of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const broker = new TestBroker()
      broker.createTopic('orders', { partitions: 4 })
      const { group, host, threads, beat, forget, goAway, leave } = start(broker)
      for (const { kind, thread: index } of steps) {
        const thread = threads[index]!
        if (kind === 'beat') beat(thread)
        else if (kind === 'quiet') beat(thread, { says: false })
        else if (kind === 'lost') beat(thread, { hears: false })
        else if (kind === 'standbys') host.standbyReplicas = (host.standbyReplicas + 1) % 3
        else if (kind === 'away' && thread.instanceId !== undefined && thread.epoch > 0) {
          if (group.get(thread.memberId) !== undefined) goAway(thread)
          // Its next start has another id.
          forget(thread).memberId += "'"
        } else if ((kind === 'leave' || kind === 'silent') && group.get(thread.memberId) !== undefined) {
          leave(thread.memberId)
          // Whoever is silent has nothing any more by the time that it is put out.
          forget(thread)
        }
        checkOwners(threads)
      }
      const present = threads.filter(({ epoch }) => epoch > 0)
      // Whoever joined, and never heard of it, is put out when its session is over.
      const ids = new Set(present.map(({ memberId }) => memberId))
      for (const { memberId } of group.members) if (!ids.has(memberId)) leave(memberId)
      for (let round = 0; round < 12; round++) for (const each of present) beat(each)
      checkOwners(threads)
      if (present.length > 0) {
        const { partitionCount } = broker.topic('orders')
        expect(present.flatMap(({ tasks }) => [...tasks.active])).toHaveLength(partitionCount)
        const processes = new Set(present.map(({ processId }) => processId)).size
        const standbys = partitionCount * Math.min(host.standbyReplicas, processes - 1)
        expect(present.flatMap(({ tasks }) => [...tasks.standby])).toHaveLength(standbys)
        expect(group.state).toBe('Stable')
      }
      await broker.close()
    }),
    { numRuns: 200 },
  )
})
