import type { Talk } from './talk.ts'

const [ofTopic, ofBroker, ofMetrics, ofGroup] = [2, 4, 16, 32]

const values: Readonly<Record<number, readonly (readonly [name: string, values: readonly string[]])[]>> = {
  [ofTopic]: [
    ['cleanup.policy', ['compact', 'delete', 'compact,delete', 'nothing']],
    ['retention.ms', ['1000', '-1', '-2', 'x', ' 5 ']],
    ['max.message.bytes', ['1000', '-1']],
    ['compression.type', ['gzip', 'none']],
    ['min.insync.replicas', ['1', '2', '0']],
    ['message.timestamp.type', ['LogAppendTime', 'Now']],
    ['segment.bytes', ['1048576', '13']],
    ['leader.replication.throttled.replicas', ['0:1', '1:1', '0:1,1:1', '*', 'x']],
    ['max.decompressed.message.bytes', ['1000', '0']],
    ['remote.copy.lag.ms', ['5', '-1', '-2']],
  ],
  [ofBroker]: [
    ['log.cleanup.policy', ['compact', 'compact,delete', 'nothing']],
    ['log.retention.ms', ['60000000', '-1', 'x']],
    ['compression.type', ['gzip', 'none']],
    ['num.io.threads', ['9', '0', 'x']],
    ['max.decompressed.message.bytes', ['1000', '0']],
    ['log.local.retention.ms', ['-2', '-1', '1000', '700000000']],
    ['log.remote.copy.lag.ms', ['5', '2000', '-1', '-2']],
    ['group.consumer.assignor.offload.enable', ['false', 'true', 'x']],
    ['background.threads', ['9', '0']],
    ['leader.replication.throttled.rate', ['1000', 'x']],
    ['min.insync.replicas', ['2', '0']],
    ['node.id', ['2']],
    ['num.partitions', ['2']],
  ],
  [ofMetrics]: [
    ['interval.ms', ['1000', '1', 'x']],
    ['match', ['client_id=a', 'client_software_name=b']],
    ['metrics', ['a.b', '', 'a,b']],
  ],
  [ofGroup]: [
    ['consumer.session.timeout.ms', ['50000', '1', 'x']],
    ['consumer.heartbeat.interval.ms', ['6000', '15000', '1']],
    ['share.auto.offset.reset', ['earliest', 'by_duration:PT1H', 'none']],
    ['share.record.lock.duration.ms', ['20000', '1']],
    ['share.isolation.level', ['read_committed', 'x']],
    ['streams.num.standby.replicas', ['1', '7']],
    ['consumer.assignor.offload.enable', ['false', 'x']],
    ['streams.session.timeout.ms', ['50000', '1']],
    ['streams.assignor.name', ['sticky', 'uniform', '']],
    ['streams.rack.aware.assignment.tags', ['zone, rack', 'zone,zone', 'zone,,rack', '']],
    ['streams.task.offset.interval.ms', ['15000', '14999', '0']],
    ['streams.num.warmup.replicas', ['20', '21']],
    ['streams.acceptable.recovery.lag', ['9223372036854775807', '-1']],
    ['streams.assignor.offload.enable', ['false', 'x']],
  ],
}

// What brokerlet has another default of.
const otherDefaults = new Set(['max.message.bytes', 'segment.bytes', 'retention.ms', 'log.retention.ms'])
const ofDefault = 5

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** Administrators who look at the configs of all kinds of resources, and change them, right and wrong. */
export class Configs {
  readonly #talk: Talk
  readonly #topics: readonly string[]
  readonly #resources: readonly Resource[]

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['a', 'b'].map(each => `${talk.name}-${each}`)
    this.#resources = [
      ...this.#topics.map(resourceName => ({ resourceType: ofTopic, resourceName })),
      ...['1', ''].map(resourceName => ({ resourceType: ofBroker, resourceName })),
      ...['g', 'm'].flatMap(each =>
        [ofGroup, ofMetrics].map(resourceType => ({ resourceType, resourceName: `${talk.name}-${each}` })),
      ),
    ]
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await talk.ask('createTopics', 7, { topics: this.#topics.map(name => ({ ...topic, name })) })
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const dice = talk.below(100)
      if (dice < 45) await this.#change()
      else if (dice < 60) await this.#replace()
      else if (dice < 65) await this.#list()
      else await this.#describe()
    }
    for (const each of this.#resources) await this.#look([{ ...each, configurationKeys: null }])
    await this.#reset()
  }

  #resource(): Resource {
    const talk = this.#talk
    if (talk.chance(0.85)) return talk.oneOf(this.#resources)
    return {
      resourceType: talk.oneOf([ofTopic, ofBroker, ofMetrics, ofGroup]),
      resourceName: talk.oneOf(['', '1', '2', 'x', 'no spaces', '..', `${talk.name}-nowhere`]),
    }
  }

  #config(resource: Resource): readonly [name: string, value: string] {
    const talk = this.#talk
    const of = values[resource.resourceType]!
    // Kafka looks at a value before it looks whether there is such a topic.
    if (!this.#resources.includes(resource)) return [of[0]![0], of[0]![1][0]!]
    const [name, some] = talk.oneOf(of)
    // A broker of Kafka keeps what it does not know.
    const known = resource.resourceType === ofBroker || talk.chance(0.95)
    return [known ? name : 'not.a.config', talk.oneOf(some)]
  }

  async #change(): Promise<void> {
    const talk = this.#talk
    const resources = talk.some(() => {
      const resource = this.#resource()
      const configs = talk.some(() => {
        const [name, value] = this.#config(resource)
        // Here a topic always has a policy. What is no list is refused before what has no configs.
        const most = !this.#resources.includes(resource) ? 1 : name.endsWith('cleanup.policy') ? 2 : 3
        const configOperation = Math.min(talk.oneOf([0, 0, 0, 0, 1, 1, 2, 3]), most)
        return { name, configOperation, value: configOperation === 1 || talk.chance(0.03) ? null : value }
      })
      return { ...resource, configs: talk.chance(0.95) ? configs : [] }
    })
    await talk.hear('incrementalAlterConfigs', talk.below(2), { resources, validateOnly: talk.chance(0.2) })
    await talk.settled()
  }

  // Kafka does not answer where something is named twice.
  async #replace(): Promise<void> {
    const talk = this.#talk
    const resources = distinct(talk.some(() => this.#resource())).map(resource => {
      const drawn = new Map(talk.some(() => this.#config(resource)))
      const configs = [...drawn].map(([name, value]) => ({ name, value: talk.chance(0.05) ? null : value }))
      return { ...resource, configs: talk.chance(0.9) ? configs : [] }
    })
    await talk.hear('alterConfigs', talk.below(3), { resources, validateOnly: talk.chance(0.2) })
    await talk.settled()
  }

  async #list(): Promise<void> {
    const talk = this.#talk
    const resourceTypes = talk.oneOf([[], [ofMetrics], [ofGroup, ofMetrics], [ofTopic], [ofBroker], [7], [1]])
    const version = talk.below(2)
    const answer = await talk.ask('listConfigResources', version, version === 0 ? {} : { resourceTypes })
    answer.configResources = answer.configResources.filter(
      ({ resourceName }: Resource) => resourceName.startsWith(`${talk.name}-`) || resourceName === '1',
    )
    talk.tell(`list v${version} ${resourceTypes}`, talk.shown(answer))
  }

  #describe(): Promise<void> {
    const talk = this.#talk
    const resources = talk.some(() => {
      const resource = this.#resource()
      const names = talk.some(() => this.#config(resource)[0])
      return { ...resource, configurationKeys: talk.oneOf([null, [], names, names]) }
    })
    return this.#look(resources)
  }

  async #look(resources: readonly (Resource & { configurationKeys: readonly string[] | null })[]) {
    const talk = this.#talk
    const request = {
      resources,
      includeSynonyms: talk.chance(0.7),
      includeDocumentation: talk.chance(0.2),
    }
    const version = 1 + talk.below(4)
    const answer = await talk.ask('describeConfigs', version, request)
    for (const each of answer.results) each.configs = each.configs.flatMap(this.#plain(each))
    talk.tell(`describeConfigs v${version} ${JSON.stringify(request)}`, talk.shown(answer))
  }

  #plain({ resourceType }: Resource) {
    const told = new Set((values[resourceType] ?? []).map(([name]) => name))
    return (config: any): any[] => {
      if (!told.has(config.name)) return []
      if (otherDefaults.has(config.name)) {
        config.synonyms = config.synonyms?.filter(({ source }: any) => source !== ofDefault)
        if (config.configSource === ofDefault) config.value = ''
      }
      return [{ ...config, documentation: config.documentation === null ? null : 'words' }]
    }
  }

  // What is set for brokers counts for all that comes.
  async #reset(): Promise<void> {
    const resources = ['1', ''].map(resourceName => ({ resourceType: ofBroker, resourceName, configs: [] }))
    await this.#talk.ask('alterConfigs', 2, { resources: resources.slice(0, 1) })
    const configs = [{ name: 'min.insync.replicas', value: '1' }]
    await this.#talk.ask('alterConfigs', 2, { resources: [{ ...resources[1], configs }] })
    await this.#talk.settled()
  }
}

function distinct(resources: readonly Resource[]): Resource[] {
  return [...new Map(resources.map(each => [`${each.resourceType} ${each.resourceName}`, each])).values()]
}
