import { toTaskIds } from '../../../src/server/streams/tasks.ts'
import type { Talk } from './talk.ts'
import { noMember, TopicsAndGroups } from './topics-and-groups.ts'

interface Thread {
  readonly memberId: string
  readonly instanceId: string | null
  epoch: number
  active: readonly string[]
}

/** Threads of an application with a `group.instance.id`, which leave for a time, are replaced, and come back as another. */
export class StaticThreads {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #topic: string
  readonly #threads: readonly Thread[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = talk.name
    this.#topic = `${talk.name}-in`
    this.#threads = [
      ['s1', 's'],
      ['s2', 's'],
      ['t1', 't'],
      ['t2', 't'],
      ['d', null],
    ].map(([memberId, instanceId]) => ({
      memberId: memberId!,
      instanceId: instanceId!,
      epoch: 0,
      active: [],
    }))
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    await this.#known.create(this.#topic, 3)
    await this.#known.findCoordinators([this.#group])
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const thread = talk.oneOf(this.#threads)
      const dice = talk.below(100)
      if (thread.epoch === 0 ? dice < 60 : dice < 4) await this.#join(thread)
      else if (dice < 60) await this.#beat(thread)
      else if (dice < 76) await this.#leave(thread)
      else if (dice < 84) await this.#commit(thread)
      else if (dice < 90) await this.#mistake(thread)
      else await this.#describe()
    }
    await this.#describe()
  }

  async #hear(what: string, thread: Thread, said: object): Promise<void> {
    const { memberId, instanceId, epoch } = thread
    const request = { groupId: this.#group, memberId, instanceId, memberEpoch: epoch, ...said }
    const answer = await this.#talk.ask('streamsGroupHeartbeat', this.#talk.below(2), request)
    const { errorCode, memberEpoch, activeTasks } = answer
    const left = memberEpoch < 0 ? memberEpoch : 'its epoch'
    this.#talk.tell(`${memberId} ${what}`, noMember.has(errorCode) ? 'no member' : [errorCode, left])
    if (errorCode !== 0) {
      // Fenced, removed, or replaced: it joins anew.
      if (noMember.has(errorCode) || errorCode === 110 || errorCode === 82) Object.assign(thread, gone)
    } else if (memberEpoch < 0) {
      Object.assign(thread, gone)
    } else {
      thread.epoch = memberEpoch
      if (activeTasks !== null) thread.active = named(activeTasks)
    }
  }

  #joining(): object {
    const stateless = { subtopologyId: '0', sourceTopics: [this.#topic] }
    return {
      memberEpoch: 0,
      topology: { epoch: 0, subtopologies: [stateless] },
      rebalanceTimeoutMs: 60_000,
      processId: 'p',
      ...{ activeTasks: [], standbyTasks: [], warmupTasks: [] },
    }
  }

  #join(thread: Thread): Promise<void> {
    return this.#hear('joins', thread, this.#joining())
  }

  #beat(thread: Thread): Promise<void> {
    return this.#hear('goes on', thread, {
      ...(thread.epoch === 0 && { memberEpoch: 5 }),
      ...(this.#talk.chance(0.8) && {
        activeTasks: toTaskIds(thread.active),
        standbyTasks: [],
        warmupTasks: [],
      }),
    })
  }

  #leave(thread: Thread): Promise<void> {
    const memberEpoch = this.#talk.oneOf(thread.instanceId === null ? [-1, -1, -2] : [-2, -2, -1])
    return this.#hear(`leaves with ${memberEpoch}`, thread, { memberEpoch })
  }

  async #mistake(thread: Thread): Promise<void> {
    const talk = this.#talk
    const said = talk.oneOf<object>([
      { memberEpoch: 1000 },
      { memberEpoch: -3 },
      { instanceId: ' ' },
      { instanceId: 'nobody' },
      { memberId: 'nobody' },
      { memberId: 'nobody', memberEpoch: -2 },
      { memberId: 'nobody', memberEpoch: -1 },
      { instanceId: 'nobody', memberEpoch: -2 },
      { instanceId: 'nobody', memberEpoch: -1 },
      { memberEpoch: -2, instanceId: null },
      { instanceId: talk.oneOf(['s', 't', null]) },
      { memberEpoch: -2, topology: { epoch: 0, subtopologies: [] } },
      { memberEpoch: -2, activeTasks: [] },
    ])
    const before = { ...thread }
    await this.#hear(`errs ${JSON.stringify(said)}`, thread, said)
    const isSelf = !('memberId' in said) && !('instanceId' in said)
    if (!isSelf) Object.assign(thread, before)
  }

  async #commit(thread: Thread): Promise<void> {
    const talk = this.#talk
    const { memberId, instanceId, epoch } = thread
    const partitions = [{ partitionIndex: 0, committedOffset: talk.below(9), committedMetadata: '' }]
    const answer = await talk.ask('offsetCommit', 9, {
      groupId: this.#group,
      memberId,
      groupInstanceId: talk.chance(0.7) ? instanceId : null,
      generationIdOrMemberEpoch: epoch === 0 ? 5 : epoch,
      topics: [{ name: this.#topic, partitions }],
    })
    const { errorCode } = answer.topics[0].partitions[0]
    talk.tell(`${memberId} commits`, noMember.has(errorCode) || errorCode === 22 ? 'no member' : errorCode)
  }

  async #describe(): Promise<void> {
    const { groups } = await this.#talk.ask('streamsGroupDescribe', 1, { groupIds: [this.#group] })
    const [{ errorCode, members }] = groups
    const shown = members.map(({ memberId, instanceId, memberEpoch }: any) => [
      memberId,
      instanceId,
      memberEpoch < 0 ? memberEpoch : 'its epoch',
    ])
    this.#talk.tell('describe', [errorCode, shown.sort()])
  }
}

const gone = { epoch: 0, active: [] }

function named(taskIds: any): string[] {
  return taskIds.flatMap(({ subtopologyId, partitions }: any) =>
    partitions.map((each: number) => `${subtopologyId}_${each}`),
  )
}
