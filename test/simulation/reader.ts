import type { AnyRecord } from '../../src/record.ts'
import { type Delivery, partitionKey } from './assignment.ts'
import type { Member } from './member.ts'
import { describe } from './text.ts'
import { drawDuration, meddle, work } from './work.ts'

/** Consumes by an iterator or by `poll`. */
export function startReader(member: Member): void {
  const { mode } = member.plan
  const reading =
    mode === 'poll' ? poll(member) : mode === 'for await' ? iterate(member) : iterateBatches(member)
  reading.catch(error => {
    member.world.log(`${member.name} stopped reading: ${describe(error)}`)
    member.world.allow(error, member)
    if (!member.ended) void member.close({})
  })
}

async function iterate(member: Member): Promise<void> {
  for await (const record of member.consumer) {
    if (!(await handle(member, [record]))) break
  }
}

async function iterateBatches(member: Member): Promise<void> {
  for await (const { records } of member.consumer.batches()) {
    if (!(await handle(member, records))) break
  }
}

// A loop that fails is left: its consumer is then closed, and the record in hand is not finished.
async function handle(member: Member, records: readonly AnyRecord[]): Promise<boolean> {
  const { random, clock } = member.world
  const delivery = member.take(records, true)
  meddle(delivery)
  const durationMs = drawDuration(member)
  if (durationMs > 0) await work(delivery, durationMs)
  if (!member.world.healed && random.chance(member.plan.fails / 4)) {
    member.fail(delivery, 0, 'loop')
    member.closesBy ??= clock.monotonic() + 30_000
    return false
  }
  // It stays in hand as long as the loop has it: the next step says that it is finished.
  member.finish(delivery)
  if (member.plan.options.autoCommit === false && member.world.healed) {
    await member.commit(delivery.assignment, records.at(-1)!.offset + 1)
  }
  return true
}

async function poll(member: Member): Promise<void> {
  const { consumer, world, plan } = member
  let inHand: Delivery[] = []
  while (!member.ended) {
    for (const delivery of inHand) member.finish(delivery)
    inHand = []
    const records = await pollOnce(member)
    member.polling = false
    if (records === undefined) return
    inHand = byPartition(world.written.topicIdOf.bind(world.written), records).map(each =>
      member.take(each, true),
    )
    // Records that are polled while the consumer drains are finished by its close, whatever happens here.
    if (member.closesBy !== undefined) for (const delivery of inHand) member.finish(delivery)
    for (const delivery of inHand) meddle(delivery)
    const durationMs = drawDuration(member)
    if (durationMs > 0) await world.sleep(durationMs)
    else if (records.length === 0) await world.sleep(5)
    if (plan.options.autoCommit === false && (world.healed || world.random.chance(0.5))) {
      await member.commitFinished()
    }
  }
  void consumer
}

async function pollOnce(member: Member): Promise<readonly AnyRecord[] | undefined> {
  const { world, consumer, plan } = member
  const timeoutMs = world.healed ? 60_000 : world.random.pick([0, 10, 100, 1000])
  for (;;) {
    try {
      member.polling = true
      return await consumer.poll({
        timeoutMs,
        ...(world.random.chance(0.5) ? { maxRecords: plan.maxRecords } : {}),
      })
    } catch (error) {
      member.polling = false
      world.allow(error, member)
      if (member.ended || member.closesBy !== undefined) return undefined
      if (consumer.memberId === undefined && !(error instanceof Error && error.name === 'SimulatedFailure')) {
        member.refused(error)
        return undefined
      }
      await world.sleep(1)
    }
  }
}

function byPartition(topicIdOf: (record: AnyRecord) => string, records: readonly AnyRecord[]): AnyRecord[][] {
  const groups = new Map<string, AnyRecord[]>()
  for (const record of records) {
    const key = partitionKey(topicIdOf(record), record.partition)
    const group = groups.get(key)
    if (group) group.push(record)
    else groups.set(key, [record])
  }
  return [...groups.values()]
}
