import type { Partition } from '../../log/partition.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { preferredReadReplica } from '../cluster/replica-selector.ts'
import type { ConnectionSession } from '../connection-session.ts'
import { type Handler, handler } from '../handler.ts'
import { isIsolationLevel, readCommitted } from '../isolation-level.ts'
import { findTopic, topicIdsSince, unknownTopic } from '../named-topic.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import { writeControlBatch } from '../protocol/record-batch.ts'
import { untilEnough } from '../record-wait.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

interface Wanted {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** The log, or the error if it does not exist. */
  readonly log: Partition | number
  readonly offset: number
  /** The epoch of the client's last record; a negative one if it does not say. */
  readonly lastFetchedEpoch: number
  readonly maxBytes: number
  /** The broker that the client should ask instead. */
  readonly preferred: ClusterNode | undefined
}

interface Fetched {
  readonly errorCode: number
  readonly records: readonly Uint8Array[]
  readonly bytes: number
  /** Whether there was more than it has room for. */
  readonly full: boolean
}

const nothing = { records: [], bytes: 0, full: false }

/** What an answer has room for. */
interface Room {
  readonly bytes: number
  /** Whether the first batch is taken whatever its size: nothing has been read yet. (KIP-74) */
  readonly minOneBatch: boolean
}

interface Reading {
  readonly version: number
  readonly clientId: string
  readonly session: ConnectionSession
  readonly maxBytes: number
  /** Whether the client reads only what is committed. */
  readonly committed: boolean
  readonly now: number
}

const unknownPartition = errnoOf('UNKNOWN_TOPIC_OR_PARTITION')
const unknownServerError = errnoOf('UNKNOWN_SERVER_ERROR')

/** Reads record batches, and waits for them if there are none yet. */
export function fetchHandlers(wire: Wire): Handler[] {
  return [
    handler(fetch, async (request, { version, clientId, node, session, signal }) => {
      const { rackId, isolationLevel } = request
      const maxWaitMs = Math.min(request.maxWaitMs, wire.fetchMaxWaitMs)
      const known = isIsolationLevel(isolationLevel)
      // A larger first batch is returned all the same, so even a client that asks for 0 bytes goes on.
      const maxBytes = Math.max(1, Math.min(request.maxBytes, wire.fetchMaxBytes))
      const minBytes = Math.min(request.minBytes, maxBytes)
      const how: Reading = {
        version,
        clientId,
        session,
        maxBytes,
        committed: isolationLevel === readCommitted,
        now: wire.engine.clock.now(),
      }
      const wanted = request.topics.flatMap(({ topic, topicId, partitions }) => {
        const found = findTopic(wire, version, topicIdsSince.Fetch, { name: topic, topicId })
        return partitions.map(
          ({ partition, fetchOffset: offset, lastFetchedEpoch, partitionMaxBytes }): Wanted => {
            const log = !known
              ? unknownServerError
              : found === undefined
                ? unknownTopic(version, topicIdsSince.Fetch)
                : found.partitions[partition]
            const preferred =
              typeof log === 'object'
                ? preferredReadReplica(wire.cluster, log, { node, rackId, offset })
                : undefined
            return {
              topic,
              topicId,
              partition,
              log: log ?? unknownPartition,
              offset,
              lastFetchedEpoch,
              maxBytes: partitionMaxBytes,
              preferred,
            }
          },
        )
      })
      let fetched = readAll(wire, wanted, how)
      // Who is to ask elsewhere does so at once.
      const elsewhere = wanted.some(({ preferred }) => preferred !== undefined)
      if (isShort(fetched, minBytes) && maxWaitMs > 0 && !elsewhere && !signal.aborted) {
        // Each once, however often it is named.
        const logs = new Set(wanted.flatMap(({ log }) => (typeof log === 'number' ? [] : log)))
        const found = await untilEnough({ clock: wire.engine.clock, logs, maxWaitMs, signal }, () => {
          fetched = readAll(wire, wanted, how)
          return !isShort(fetched, minBytes)
        })
        if (!found && !signal.aborted) fetched = readAll(wire, wanted, how)
      }
      const errorCode = known ? 0 : unknownServerError
      return { errorCode, sessionId: 0, responses: respond(wanted, fetched, how.committed) }
    }),
  ]
}

// An error is answered at once, and so is as much as there is room for.
function isShort(fetched: readonly Fetched[], minBytes: number): boolean {
  let bytes = 0
  for (const each of fetched) {
    if (each.errorCode !== 0 || each.full) return false
    bytes += each.bytes
  }
  return bytes < minBytes
}

// A partition that found no room the last time comes first, or those before it would leave it none again.
function readAll(wire: Wire, wanted: readonly Wanted[], how: Reading): Fetched[] {
  const { session } = how
  const from = Math.max(
    0,
    wanted.findIndex(({ log }) => log === session.unfetched),
  )
  session.unfetched = undefined
  let left = how.maxBytes
  const fetched = new Array<Fetched>(wanted.length)
  for (let i = 0; i < wanted.length; i++) {
    const at = (from + i) % wanted.length
    const { log } = wanted[at]!
    const each = readOne(wire, wanted[at]!, { bytes: left, minOneBatch: left === how.maxBytes }, how)
    fetched[at] = each
    if (each.full && each.bytes === 0) session.unfetched ??= log as Partition
    left -= each.bytes
  }
  return fetched
}

function readOne(wire: Wire, wanted: Wanted, room: Room, how: Reading): Fetched {
  try {
    return read(wire, wanted, room, how)
  } catch (error) {
    wire.failed(error)
    return { errorCode: unknownServerError, ...nothing }
  }
}

function read(wire: Wire, wanted: Wanted, room: Room, how: Reading): Fetched {
  const { log, offset, lastFetchedEpoch, maxBytes, preferred } = wanted
  if (typeof log === 'number') return { errorCode: log, ...nothing }
  // While it was waited for. By then Kafka no longer asks by which name.
  if (log.deleted) return { errorCode: unknownPartition, ...nothing }
  if (offset < log.logStartOffset || offset > log.highWatermark) {
    return { errorCode: errnoOf('OFFSET_OUT_OF_RANGE'), ...nothing }
  }
  // What it has read before was in another log. Records of this one have epoch 0.
  if (lastFetchedEpoch > 0 && lastFetchedEpoch > wire.cluster.leadershipOf(log).epoch) {
    return { errorCode: errnoOf('OFFSET_OUT_OF_RANGE'), ...nothing }
  }
  if (preferred !== undefined) return { errorCode: 0, ...nothing }
  if (wire.firstFetches.note(how.clientId, log, offset)) wire.engine.touch()
  const end = log.endFor(how.committed)
  if (offset >= end) return { errorCode: 0, ...nothing }
  if (room.bytes <= 0) return { errorCode: 0, ...nothing, full: true }
  const most = Math.min(room.bytes, maxBytes)
  const batches = wire.batches.read(log, offset, most, how.committed, room.minOneBatch)
  // What is left after these was compacted, was aborted, or only ends a transaction. As in Kafka, the client gets past it
  // with the records before it: where it goes on is the end, and so is what it commits.
  if (!batches.full && log.countFrom(end - 1, end, how.committed) === 0) {
    const batch = writeControlBatch(end - 1, how.now)
    if (batches.takes(batch.length)) batches.push(batch)
  }
  const { pieces: records, bytes, full } = batches
  return { errorCode: 0, records, bytes, full }
}

const nowhere = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }

function placesOf({ highWatermark, lastStableOffset, logStartOffset }: Partition): typeof nowhere {
  return { highWatermark, lastStableOffset, logStartOffset }
}

// In the order that was asked for, so a topic may be told in several parts. (Kafka: FetchResponse.toMessage)
function respond(wanted: readonly Wanted[], fetched: readonly Fetched[], committed: boolean) {
  const responses: { readonly topic: string; readonly topicId: string; readonly partitions: object[] }[] = []
  for (const [i, { topic, topicId, partition, log, preferred }] of wanted.entries()) {
    let entry = responses.at(-1)
    if (entry === undefined || entry.topic !== topic || entry.topicId !== topicId) {
      entry = { topic, topicId, partitions: [] }
      responses.push(entry)
    }
    const { errorCode, records } = fetched[i]!
    entry.partitions.push({
      partitionIndex: partition,
      errorCode,
      // With an error Kafka returns none of the log's offsets either.
      ...(typeof log === 'number' || errorCode !== 0 ? nowhere : placesOf(log)),
      // What was aborted is left out for who reads only what is committed; others get it all.
      abortedTransactions: committed || errorCode !== 0 ? [] : null,
      preferredReadReplica: preferred?.nodeId ?? -1,
      records,
    })
  }
  return responses
}
