import { setTimeout as sleep } from 'node:timers/promises'
import type { Talk } from './talk.ts'
import { TopicsAndGroups } from './topics-and-groups.ts'

// Of RE2, of Java's and of JavaScript's syntax, some of them wrong.
const patterns: readonly string[] = [
  '',
  ...String.raw`
  a .* a.* .*b a|b (?:a|b)c? ^a$ a+ [ab] [^a] [a-c]{2} a{2,} a{,2} \w \w\.\w \d [[:alpha:]] [[:^alpha:]]
  \pL \p{L}b \p{Greek} \PL \Qa.b\E (?i)A (?i:A)b (?-i)a (?s). (?U)a* (?P<n>a) (?<n>a) \Aa\z \x61 \bab\b a*?
  a??b \x{61} \a \141 x* () [a&&b] []a] \- \_ a\Z (?=a)a (?!b)a (?<=a)b (a)\1 a++ a** * [ ( ) \ a{1001}
  [b-a] (?x)a \k<n> \u0061 \cA (?>a) \h \R \X \G (?#)a \p{Nope} \y (?i a{2}{2}
`
    .trim()
    .split(/\s+/),
]

/** A member of a group that subscribes to topics by patterns, right and wrong. */
export class Patterns {
  readonly #talk: Talk
  readonly #known: TopicsAndGroups
  readonly #group: string
  readonly #prefix: string
  readonly #names = new Map<string, string>()

  constructor(talk: Talk) {
    this.#talk = talk
    this.#known = new TopicsAndGroups(talk)
    this.#group = `${talk.name}-group`
    this.#prefix = `${talk.name}-topic-`
  }

  async converse(count: number): Promise<void> {
    await this.#known.findCoordinators([this.#group])
    for (const each of ['a', 'b', 'ab', 'a.b', 'aa', 'bc', 'a_1', 'A', '1']) {
      const name = `${this.#prefix}${each}`
      await this.#known.create(name, 1)
      this.#names.set(this.#known.idOf(name), each)
    }
    // Kafka's coordinator hears of topics a little later, and does not look a pattern up again within ten seconds.
    const names = [...this.#names.values()].map(each => `${this.#prefix}${each}`)
    const all = await this.#join('first', { subscribedTopicNames: names }, this.#names.size)
    this.#talk.tell('names', all)
    for (let i = 0; i < count; i++) {
      const pattern = this.#talk.oneOf(patterns)
      const found = await this.#join(String(i), { subscribedTopicRegex: `${this.#prefix}${pattern}` }, 1)
      this.#talk.tell(pattern, found)
    }
  }

  /** What a member has that joins and leaves; waits a while until it has so many topics. */
  async #join(id: string, subscription: object, topics: number): Promise<unknown> {
    const memberId = `${id.padStart(21, 'A')}A`
    const ask = (more: object) =>
      this.#talk.ask('consumerGroupHeartbeat', 1, { groupId: this.#group, memberId, ...more })
    const joined = await this.#talk.eventually(
      () => ask({ memberEpoch: 0, ...subscription, rebalanceTimeoutMs: 10_000, topicPartitions: [] }),
      ({ errorCode }) => [14, 15, 16].includes(errorCode),
    )
    if (joined.errorCode !== 0) return joined.errorCode
    const assigned = await this.#assigned(ask, joined, topics)
    await ask({ memberEpoch: -1 })
    return assigned
  }

  // Kafka looks a pattern up beside, and gives what it finds a little later.
  async #assigned(ask: (more: object) => Promise<any>, joined: any, topics: number): Promise<unknown> {
    let { memberEpoch } = joined
    let topicPartitions = joined.assignment?.topicPartitions ?? []
    for (let quiet = 0; quiet < 100; quiet++) {
      const answer = await ask({ memberEpoch, topicPartitions })
      if (answer.errorCode !== 0) return answer.errorCode
      memberEpoch = answer.memberEpoch
      if (answer.assignment !== null) {
        topicPartitions = answer.assignment.topicPartitions
        if (topicPartitions.length >= topics) break
      }
      await sleep(10)
    }
    return topicPartitions.map(({ topicId }: any) => this.#names.get(topicId) ?? topicId).sort()
  }
}
