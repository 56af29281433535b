import { InvalidArgumentError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { TopicPartition } from '../../topic-partition.ts'
import { topicStates } from '../topic-states.ts'
import {
  type ConfiguredSubtopology,
  type ConfiguredTopology,
  configureTopology,
  type MakeTopic,
} from './configured-topology.ts'
import type { StreamsHeartbeat } from './streams-heartbeat.ts'
import { noTasks, partsOf, type Task } from './tasks.ts'
import { readBy, requiredTopics, sameTopology, type Topology } from './topology.ts'
import { type StreamsStatus, statusCodes } from './topology-status.ts'

/** What the members of a streams group run, compared with the topics that there are. */
export class GroupTopology {
  readonly #groupId: string
  readonly #topics: ReadonlyMap<string, Topic>
  #said: Topology | undefined
  #configured: ConfiguredTopology = { subtopologies: undefined, status: undefined }
  #configuredTopics: string | undefined

  constructor(groupId: string, topics: ReadonlyMap<string, Topic>) {
    this.#groupId = groupId
    this.#topics = topics
  }

  /** As the members sent it; undefined before one has joined. */
  get said(): Topology | undefined {
    return this.#said
  }

  /** As the members sent it; if it can run, with the partitions of its topics. */
  get described(): Topology | undefined {
    const { subtopologies } = this.#configured
    return this.#said && (subtopologies === undefined ? this.#said : { ...this.#said, subtopologies })
  }

  /** Its parts, each with the number of its tasks; undefined if it cannot run. */
  get subtopologies(): readonly ConfiguredSubtopology[] | undefined {
    return this.#configured.subtopologies
  }

  /** Why it cannot run. */
  get status(): StreamsStatus | undefined {
    return this.#configured.status
  }

  /** Its topics as they were when it was last compared with them. */
  get topics(): string | undefined {
    return this.#configuredTopics
  }

  /** The existing topics that it reads. */
  get sourceTopics(): readonly string[] {
    const names = new Set(this.#said?.subtopologies.flatMap(readBy))
    return [...names].filter(name => this.#topics.has(name))
  }

  /**
   * The topology of the group with a heartbeat, compared with the topics, of which those that are missing and internal are
   * made. It is not taken on yet.
   *
   * @throws BrokerletError if the member has another one, or it can never run
   */
  compared(beat: StreamsHeartbeat, makeTopic: MakeTopic): Topology {
    const topology = this.#with(beat)
    // Internal topics that could not be created are tried again.
    const isUnmade = this.#configured.status?.statusCode === statusCodes.MISSING_INTERNAL_TOPICS
    if (this.#configuredTopics !== this.#topicStates(topology) || isUnmade) {
      this.#configured = configureTopology(topology, this.#topics, makeTopic)
      this.#configuredTopics = this.#topicStates(topology)
    }
    return topology
  }

  #with({ topology, memberId }: StreamsHeartbeat): Topology {
    const known = this.#said
    if (known === undefined) return topology!
    if (topology === undefined || topology.epoch < known.epoch || sameTopology(topology, known)) return known
    throw new InvalidArgumentError(
      `Streams group '${this.#groupId}' has another topology than its member '${memberId}', and a topology cannot be updated`,
      { groupId: this.#groupId, memberId },
    )
  }

  #topicStates(topology: Topology): string {
    return topicStates(requiredTopics(topology), this.#topics)
  }

  /** Refuses tasks that there are not. @throws InvalidArgumentError */
  requireTasks({ owned = noTasks, warmup, memberId }: StreamsHeartbeat): void {
    const { subtopologies } = this.#configured
    if (subtopologies === undefined) return
    const counts = new Map(subtopologies.map(({ subtopologyId, tasks }) => [subtopologyId, tasks]))
    const wrong = [...owned.active, ...owned.standby, ...warmup].find(task => {
      const { subtopologyId, partition } = partsOf(task)
      return partition < 0 || partition >= (counts.get(subtopologyId) ?? 0)
    })
    if (wrong === undefined) return
    throw new InvalidArgumentError(`Streams group '${this.#groupId}' has no task '${wrong}'`, {
      groupId: this.#groupId,
      memberId,
    })
  }

  /** Takes on what `compared` returned. */
  become(topology: Topology): void {
    this.#said = topology
  }

  /** The partitions that tasks read, as far as the topics have them. */
  partitionsOf(tasks: Iterable<Task>): readonly TopicPartition[] {
    const { subtopologies = [] } = this.#configured
    const byId = new Map(subtopologies.map(each => [each.subtopologyId, readBy(each)]))
    return [...tasks].flatMap(task => {
      const { subtopologyId, partition } = partsOf(task)
      const has = (topic: string) => partition < (this.#topics.get(topic)?.partitionCount ?? 0)
      return (byId.get(subtopologyId) ?? []).filter(has).map(topic => ({ topic, partition }))
    })
  }
}
