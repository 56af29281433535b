import type { Batch, RecordContext, RunOptions } from '../../src/consumer/run-options.ts'
import { BatchError } from '../../src/index.ts'
import type { AnyRecord } from '../../src/record.ts'
import type { Delivery } from './assignment.ts'
import type { Member } from './member.ts'
import { drawDuration, meddle, work } from './work.ts'

/** Consumes by `run`. */
export function startHandler(member: Member): void {
  const { plan, world, consumer } = member
  const { attempts, retryDelayMs: delayMs, onFailure, maxRecords, lingerMs } = plan
  const retry = { attempts, delayMs }
  const options: RunOptions<AnyRecord> =
    plan.mode === 'eachRecord'
      ? { retry, onFailure, eachRecord: (record, context) => handle(member, [record], context) }
      : {
          retry,
          onFailure,
          eachBatch: (batch: Batch, context) => handle(member, batch.records, context),
          batch: { maxRecords, lingerMs },
        }
  const started = consumer.run(options)
  world.settles(`run of ${member.name}`, started)
  started.then(
    () => world.log(`${member.name} is ready`),
    error => member.refused(error),
  )
}

function handle(member: Member, records: readonly AnyRecord[], context: RecordContext): unknown {
  const delivery = member.take(records, false)
  meddle(delivery)
  const durationMs = drawDuration(member)
  if (durationMs === 0 && member.world.random.chance(0.7)) return end(delivery)
  return work(delivery, durationMs, context).then(() => end(delivery))
}

function end(delivery: Delivery): unknown {
  const { assignment, records } = delivery
  const { member } = assignment
  const { random, healed } = member.world
  if (!healed && random.chance(member.plan.fails)) throw failure(delivery)
  member.finish(delivery)
  const { autoCommit = true } = member.plan.options
  if (autoCommit ? healed || !random.chance(0.02) : !healed && random.chance(0.5)) return undefined
  // Only if the position has not moved: otherwise the offset after the record is not where the member stands.
  if (assignment.moves !== delivery.moves) return undefined
  return member.commit(assignment, records.at(-1)!.offset + 1)
}

function failure(delivery: Delivery): Error {
  const { assignment, records } = delivery
  const { member } = assignment
  const { random } = member.world
  if (member.plan.mode !== 'eachBatch' || random.chance(0.5)) return member.fail(delivery, 0, 'handler')
  const finished = random.integer(0, records.length - 1)
  return new BatchError(member.fail(delivery, finished, 'handler of batches'), {
    failedAt: records[finished]!,
  })
}
