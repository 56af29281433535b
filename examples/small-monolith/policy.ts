import { AsyncLocalStorage } from 'node:async_hooks'
import type { Around, ConsumerDefaults } from 'brokerlet'
import type { Topics } from './topics.ts'

/** The tenant whose record is being handled: for loggers, and for database clients that add it to every query. */
export const tenant = new AsyncLocalStorage<string>()

const inTenant: Around = (record, _context, next) => tenant.run(String(record.headers.tenant), next)

// A record may come twice, after a crash or a redrive, and a service must not do its work again. In a real service this
// is a table, written in the same transaction as the work itself.
const done = new Set<string>()

const oncePerMessage: Around = async (record, { consumer }, next) => {
  const message = `${consumer.groupId} ${String(record.headers.id)}`
  // A reader without a group, of a table for example, needs all records each time.
  if (consumer.groupId !== undefined && done.has(message)) return
  await next()
  done.add(message)
}

const logged: Around = async (record, { attempt }, next) => {
  try {
    return await next()
  } catch (error) {
    const at = `${record.topic}-${record.partition}@${record.offset}`
    console.log(`${at}, attempt ${attempt}: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  }
}

/** The first is the outermost. */
export const around = [inTenant, logged, oncePerMessage]

/** The defaults of every service. */
export const consumerDefaults: ConsumerDefaults<keyof Topics> = {
  maxPollIntervalMs: 60_000,
  run: {
    concurrency: 16,
    ordering: 'key',
    retry: { attempts: 3, delayMs: 100, jitter: 0.5 },
    onFailure: { deadLetter: 'dead-letters' },
  },
}
