import type { Topic } from '../log/topic.ts'
import type { ReplicaRules } from './cluster/cluster.ts'
import type { DynamicConfigs } from './dynamic-configs.ts'
import type { KeptConfigs } from './kept-configs.ts'

/** What topics say of their replicas, or brokers if a topic does not. */
export class ReplicaConfigs implements ReplicaRules {
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #ofTopics: KeptConfigs
  readonly #ofBrokers: DynamicConfigs

  constructor(topics: ReadonlyMap<string, Topic>, ofTopics: KeptConfigs, ofBrokers: DynamicConfigs) {
    this.#topics = topics
    this.#ofTopics = ofTopics
    this.#ofBrokers = ofBrokers
  }

  minInSyncReplicas(topic: string): number {
    return Number(this.#valueOf(topic, 'min.insync.replicas') ?? 1)
  }

  uncleanLeaderElection(topic: string): boolean {
    return this.#valueOf(topic, 'unclean.leader.election.enable') === 'true'
  }

  #valueOf(topic: string, name: string): string | undefined {
    const known = this.#topics.get(topic)
    const own = known && this.#ofTopics.valueOf(known, name)
    return own ?? this.#ofBrokers.sourcesOf(name)[0]?.value
  }
}
