import { setTimeout as sleep } from 'node:timers/promises'
import { Lot } from '../../helpers/lot.ts'
import type { Ask, Connection } from '../kafka-and-served.ts'

/** One side of a conversation whose requests are drawn by lot: a seed says what is asked, and answers are told. */
export class Talk extends Lot {
  readonly told: string[] = []
  /** Apart from those of other conversations: part of the names of topics, groups and ids. */
  readonly name: string
  readonly ask: Ask
  /** Another connection, for a request that is answered late, or for a client with a name. */
  readonly connect: (clientId?: string) => Connection
  /** In the order in which they were seen: each side draws its own. */
  readonly topicIds: string[] = []
  #settled = 0

  constructor(name: string, seed: number, ask: Ask, connect: Talk['connect']) {
    super(seed)
    this.name = name
    this.ask = ask
    this.connect = connect
  }

  tell(what: string, answer: unknown): void {
    this.told.push(`${what}: ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`)
  }

  /** Asks, and tells what was asked and what came. */
  async hear(api: Parameters<Ask>[0], version: number, request: object): Promise<any> {
    const answer = await this.ask(api, version, request)
    this.tell(`${api} v${version} ${JSON.stringify(request)}`, this.shown(answer))
    return answer
  }

  /** What both should tell alike: without words and addresses, in one order, with topics' ids numbered as they are seen. */
  shown(answer: any): any {
    if (Array.isArray(answer)) return answer.map(each => this.shown(each)).sort(inOrder)
    if (Buffer.isBuffer(answer) || typeof answer !== 'object' || answer === null) return answer
    const fields = Object.entries(answer).filter(([name, value]) => !unlike.has(name) && value !== undefined)
    return Object.fromEntries(
      fields.map(([name, value]) => [
        name,
        name === 'topicId' ? this.topicNumber(value as string) : this.shown(value),
      ]),
    )
  }

  topicNumber(topicId: string): number {
    if (/^[A0-]*$/.test(topicId)) return -1
    if (!this.topicIds.includes(topicId)) this.topicIds.push(topicId)
    return this.topicIds.indexOf(topicId)
  }

  /** Resolves when a broker goes by all that its controller has decided before. */
  async settled(): Promise<void> {
    const name = `${this.name}-settled`
    if (this.#settled === 0) {
      const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
      await this.ask('createTopics', 7, { topics: [topic] })
    }
    // What is seen first is not yet all done: a broker takes changes one after the other.
    for (const _ of [1, 2]) {
      const value = String(1_000_000_000 + ++this.#settled)
      const resource = { resourceType: 2, resourceName: name, configurationKeys: ['retention.ms'] }
      await this.eventually(
        () =>
          this.ask('incrementalAlterConfigs', 1, {
            resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation: 0, value }] }],
          }),
        ({ responses }) => responses[0].errorCode !== 0,
      )
      await this.eventually(
        () => this.ask('describeConfigs', 4, { resources: [resource] }),
        ({ results }) => results[0].configs[0]?.value !== value,
      )
    }
  }

  /** Asks again while what came is only for now. Kafka's brokers are not yet done with something now and then. */
  async eventually<T>(ask: () => Promise<T>, passing: (answer: T) => boolean): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask()
      if (!passing(answer) || attempt === 200) return answer
      await sleep(10)
    }
  }
}

const unlike = new Set([
  'errorMessage',
  'acknowledgeErrorMessage',
  'batchIndexErrorMessage',
  'throttleTimeMs',
  'brokers',
  'clusterId',
  'controllerId',
  'nodeEndpoints',
])

function inOrder(a: any, b: any): number {
  const [one, other] = [a, b].map(each => (typeof each === 'object' ? JSON.stringify(keyOf(each)) : each))
  return one < other ? -1 : one > other ? 1 : 0
}

function keyOf(each: any): unknown {
  if (each === null) return null
  const { name, topic, topicName, resourceName, resourceType, partitionIndex, partition } = each
  const index = partitionIndex ?? partition ?? each.index
  return [name ?? topic ?? topicName ?? '', resourceType, resourceName, String(index ?? '').padStart(6), each]
}
