import type { BrokerClock } from '../broker-clock.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Ask } from './ask.ts'
import type { ClientLibrary } from './client-library.ts'
import { type ClusterMetadata, withTopics } from './cluster-metadata.ts'
import type { MetadataResponse } from './library-messages.ts'
import { mostComplete } from './most-complete.ts'

/** The topics that somebody waits for, by their names, or all of the cluster. */
export type Watched = readonly string[] | 'all'

/** Kafka's number of an error that another attempt may not meet. */
export const leaderNotAvailable = 5

/** What reading metadata needs of its cluster. */
export interface MetadataReaderHost {
  readonly library: ClientLibrary
  readonly clock: BrokerClock
  readonly known: ClusterMetadata
  /** How old metadata may get, in milliseconds. */
  readonly metadataMaxAgeMs: number
  askAny<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response>
}

/** Reads the metadata of the topics that are known, missed or watched: what is wanted at the same time by one request. */
export class MetadataReader {
  readonly #host: MetadataReaderHost
  // What is being looked up, and not known yet.
  readonly #missed = new Set<TopicPartition>()
  // The topics that will be looked up next.
  readonly #soon = new Set<string>()
  readonly #watchers = new Map<() => void, Watched>()
  #reading: Promise<void> | undefined
  // The topics whose metadata is being read, or was read last; null for all.
  #asked: ReadonlySet<string> | null = new Set()

  constructor(host: MetadataReaderHost) {
    this.#host = host
  }

  // --- what is wanted -----------------------------------------------------------------------------------------------

  /** A topic will be missed: the next answer about others is to have it, too. */
  willMiss(name: string): void {
    this.#soon.add(name)
  }

  /** Calls `look` while a partition counts as missed. */
  async missing<T>(tp: TopicPartition, look: () => Promise<T>): Promise<T> {
    this.#missed.add(tp)
    try {
      return await look()
    } finally {
      this.#missed.delete(tp)
    }
  }

  /**
   * Calls `changed` whenever metadata was read that has these topics; one that is gone, or not there yet, is asked for all
   * the same. Returns a function that stops it.
   */
  watch(changed: () => void, topics: Watched): () => void {
    this.#watchers.set(changed, topics)
    return () => this.#watchers.delete(changed)
  }

  get #wantsAll(): boolean {
    return [...this.#watchers.values()].includes('all')
  }

  get #missing(): ReadonlySet<string> {
    return new Set([...[...this.#missed].map(({ topic }) => topic), ...this.#soon])
  }

  // A topic that is gone is asked for only as long as somebody waits for it: a program may use ever new ones.
  get #wanted(): ReadonlySet<string> {
    const watched = [...this.#watchers.values()].flatMap(topics => (topics === 'all' ? [] : topics))
    return new Set([...this.#missing, ...watched, ...this.#host.known.topics.keys()])
  }

  // --- reading ------------------------------------------------------------------------------------------------------

  /** Reads all of it anew; calls at the same time share one response. */
  refresh(): Promise<void> {
    return this.#share(() => (this.#wantsAll ? null : this.#wanted))
  }

  /** Reads what is missed alone: a program may know thousands of topics. Whoever wants all of them hears of new ones. */
  lookUp(): Promise<void> {
    return this.#share(() => (this.#wantsAll ? null : this.#missing))
  }

  /** Resolves when what is being read has been, or could not be. */
  async idle(): Promise<void> {
    await this.#reading?.catch(() => {})
  }

  #share(wanted: () => ReadonlySet<string> | null): Promise<void> {
    // What is under way was asked for before somebody wanted more topics.
    if (this.#reading !== undefined && !this.#covers(wanted())) {
      return this.idle().then(() => this.#share(wanted))
    }
    this.#reading ??= this.#read(wanted()).finally(() => {
      this.#reading = undefined
      this.#refreshLater()
    })
    return this.#reading
  }

  #covers(wanted: ReadonlySet<string> | null): boolean {
    const asked = this.#asked
    return asked === null || (wanted !== null && [...wanted].every(name => asked.has(name)))
  }

  #refreshLater(): void {
    const { clock, metadataMaxAgeMs } = this.#host
    // Looking topics up does not put off the rest.
    if (clock.scheduled('metadata')) return
    // A failed refresh is tried again by the next call that needs the metadata.
    clock.schedule('metadata', metadataMaxAgeMs, () => {
      this.refresh().catch(() => {})
    })
  }

  async #read(asked: ReadonlySet<string> | null): Promise<void> {
    const { known } = this.#host
    this.#asked = asked
    this.#soon.clear()
    // What is missed from now on is not asked for: each answer would seem to lack it.
    const missed = [...this.#missed]
    const metadata = await mostComplete({
      ask: heard => this.answer(asked && [...asked], heard),
      lacking: answer => known.lacking(answer, missed, asked),
      completed: withTopics,
    })
    known.keep(metadata, asked)
    for (const [changed, topics] of [...this.#watchers]) if (concerns(asked, topics)) changed()
  }

  /** Resolves with what one broker says of these topics, or of all; takes the brokers that it names. */
  async answer(topics: readonly string[] | null, heard: Set<string> = new Set()): Promise<MetadataResponse> {
    const metadata = await this.#host.askAny({
      what: 'Reading metadata',
      api: this.#host.library.metadataV12,
      // Version 2 of the library lets brokers create topics unless it is told otherwise.
      request: () => [topics, false],
      // A broker that has just begun: without brokers there is nobody to ask, and no leader.
      errno: ({ brokers }) => (brokers.length === 0 ? leaderNotAvailable : 0),
      message: () => 'the broker that was asked knows of no brokers yet',
      heard,
    })
    this.#host.known.keepBrokers(metadata, [...heard].at(-1)!)
    return metadata
  }

  close(): void {
    this.#host.clock.unschedule('metadata')
    this.#watchers.clear()
  }
}

function concerns(asked: ReadonlySet<string> | null, watched: Watched): boolean {
  return asked === null || (watched !== 'all' && watched.some(name => asked.has(name)))
}
