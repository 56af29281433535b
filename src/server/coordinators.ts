import type { Broker } from '../broker.ts'
import { AclBindings } from './authorizer/acl-bindings.ts'
import { ClientMetrics } from './client-metrics.ts'
import { ClientQuotas } from './client-quotas.ts'
import { ConsumerMembers } from './consumer-members.ts'
import { sharedByCopies } from './copies.ts'
import { entryOf } from './entry-of.ts'
import { FirstFetches } from './first-fetches.ts'
import type { GroupDefaults } from './group-config.ts'
import { GroupConfigs } from './group-configs.ts'
import { KeptConfigs } from './kept-configs.ts'
import { ShareGroups, shareGroupMaxSize } from './share/share-groups.ts'
import { StreamsGroups } from './streams/streams-groups.ts'
import { WireGroups } from './wire-groups.ts'
import { WireTransactions } from './wire-transactions.ts'

/** The options of a server that concern groups. */
export interface GroupOptions extends GroupDefaults {
  /** How long the first join of an empty group waits for others, in milliseconds. */
  readonly initialRebalanceDelayMs: number
  /** How many members a share group has at most. */
  readonly shareGroupMaxSize?: number | undefined
}

/** What all servers of a broker share: groups, transactions, and what administrators have set. */
export class Coordinators {
  readonly initialRebalanceDelayMs: number
  readonly groupConfigs: GroupConfigs
  readonly firstFetches: FirstFetches = new FirstFetches()
  readonly groups: WireGroups
  readonly members: ConsumerMembers
  readonly shareGroups: ShareGroups
  readonly streamsGroups: StreamsGroups
  readonly transactions: WireTransactions
  readonly keptConfigs: KeptConfigs = new KeptConfigs()
  readonly clientMetrics: ClientMetrics = new ClientMetrics()
  readonly clientQuotas: ClientQuotas = new ClientQuotas()
  readonly acls: AclBindings = new AclBindings()
  readonly #engine: Broker['engine']
  #servers = 0

  constructor(engine: Broker['engine'], options: GroupOptions) {
    this.#engine = engine
    this.initialRebalanceDelayMs = options.initialRebalanceDelayMs
    this.groupConfigs = new GroupConfigs(options)
    this.groups = new WireGroups(engine, options.initialRebalanceDelayMs, this.firstFetches)
    this.members = new ConsumerMembers(engine, this.groupConfigs, this.firstFetches)
    const maxSize = options.shareGroupMaxSize ?? shareGroupMaxSize
    this.shareGroups = new ShareGroups(engine, this.groupConfigs, this.groups, maxSize)
    this.streamsGroups = new StreamsGroups(engine, this.groupConfigs, this.groups, this.firstFetches)
    this.transactions = new WireTransactions(engine)
    engine.served.add(this.#left)
  }

  /** The coordinators of a broker, for one more of its servers. The options of its first server count. */
  static of(engine: Broker['engine'], options: GroupOptions): Coordinators {
    const coordinators = entryOf(byEngine, engine, () => new Coordinators(engine, options))
    coordinators.acquire()
    return coordinators
  }

  /** Called for each server; these may be coordinators of another copy's class. */
  acquire(): void {
    this.#servers++
  }

  // What is left to do in a group that assigns is its lag.
  readonly #left = (): string[] => {
    const assigning = new Set([...this.members.groupIds, ...this.groups.mixed])
    const lagging = [...assigning].flatMap(groupId => {
      const lag = this.#engine.groups.get(groupId)?.lag() ?? 0
      return lag > 0 ? [`group '${groupId}' has lag ${lag}`] : []
    })
    return [...this.groups.left, ...lagging, ...this.shareGroups.left, ...this.streamsGroups.left]
  }

  /** Called when a server closes. With the last one all clients are gone. */
  release(): void {
    if (--this.#servers > 0) return
    byEngine.delete(this.#engine)
    this.#engine.served.delete(this.#left)
    this.groups.close()
    this.members.close()
    this.shareGroups.close()
    this.streamsGroups.close()
  }
}

const byEngine = sharedByCopies<Broker['engine'], Coordinators>('coordinators')
