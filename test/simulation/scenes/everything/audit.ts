import type { Everything } from './everything.ts'

/** The topics whose records may become dead letters. */
const sources = new Set<string>(['orders', 'table', 'queue'])

/** What must be so, at any moment and at the end. */
export class Audit {
  readonly #scene: Everything
  // How often each record became a dead letter.
  readonly #letters = new Map<number, number>()

  constructor(scene: Everything) {
    this.#scene = scene
  }

  /** A record was given up, and written to the topic of dead letters. */
  deadLettered(id: number): void {
    this.#scene.ledger.deadLettered(id)
    this.#letters.set(id, (this.#letters.get(id) ?? 0) + 1)
  }

  /** What must be so after every step. */
  step(): void {
    const { ledger, topics, producers } = this.#scene
    producers.note()
    ledger.audit(topics.all.values())
    this.#offsets()
    this.#transactionOffsets()
    this.#copies()
    this.#counts()
  }

  /** What must be so when nothing is left to do. */
  end(): void {
    const { broker, groups, topics, report } = this.#scene
    this.step()
    for (const { readers } of groups) {
      const { groupId } = readers.options
      const lag = broker.groups.get(groupId)?.lag()
      if (lag !== 0) report(`${groupId} has lag ${lag}`)
      readers.auditEnd(topics.all)
      if (groupId !== 'b') continue
      for (const [place, times] of readers.times) if (times > 1) report(`${place} came out ${times} times`)
    }
    for (const topic of topics.all.values()) {
      for (const { index, lastStableOffset, highWatermark } of topic.partitions)
        if (lastStableOffset !== highWatermark) report(`${topic.name}-${index} is not stable`)
    }
  }

  #offsets(): void {
    const { broker, groups, topics } = this.#scene
    for (const { readers } of groups) {
      const group = broker.groups.get(readers.options.groupId)
      if (group === undefined) continue
      readers.auditOffsets(group, topics.all)
      readers.auditLag(group, topics.all)
      for (const topic of topics.all.values())
        readers.auditHeld(group, topic, partition => topics.deletedTo(topic, partition))
    }
  }

  // While one is being committed, either is right.
  #transactionOffsets(): void {
    const { broker, groups, polling, producers, topics } = this.#scene
    if (producers.committing) return
    const transforming = groups.find(({ manner }) => manner.kind === 'transactions')!
    for (const readers of [transforming.readers, polling]) {
      const group = broker.groups.get(readers.options.groupId)
      if (group) readers.auditSent(group, topics.all)
    }
  }

  // What is written to the topics that producers write to, and is not what they wrote, was sent back once.
  #copies(): void {
    const { ledger, topics, report } = this.#scene
    const there = [...topics.all.values()].filter(({ name }) => sources.has(name))
    for (const [id, copies] of ledger.copies(there)) {
      const letters = this.#letters.get(id) ?? 0
      if (copies > letters) report(`${id} was sent back ${copies} times, and given up ${letters} times`)
    }
  }

  #counts(): void {
    const { broker, ledger, topics, report } = this.#scene
    const { records, maxRecords, topics: described } = broker.describe()
    const kept = described
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, each) => sum + each.records, 0)
    if (records < kept) report(`the broker counts ${records}, and its topics ${kept}`)
    // The end of a transaction is written also where there is no room for it.
    const ends = ledger.ends(topics.all.values())
    if (maxRecords !== -1 && records > maxRecords + ends)
      report(`${records} records and ${ends} ends of transactions, and at most ${maxRecords}`)
  }
}
