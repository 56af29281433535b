import type { Partition } from '../../log/partition.ts'
import { type Handler, handler, type RequestContext } from '../handler.ts'
import type { RequestOf, ResponseOf } from '../protocol/message.ts'
import { shareAcknowledge } from '../protocol/messages/share-acknowledge.ts'
import { shareFetch } from '../protocol/messages/share-fetch.ts'
import { untilEnough } from '../record-wait.ts'
import { type AcknowledgementBatch, areValid } from '../share/acknowledgement.ts'
import { ShareAnswer } from '../share/share-answer.ts'
import { fetchShared, type SharedRecords, type ShareFetchWish } from '../share/share-fetching.ts'
import type { KeptShareGroup } from '../share/share-groups.ts'
import { isMemberId } from '../share/share-heartbeat.ts'
import type { SessionPartition, ShareSession } from '../share/share-session.ts'
import { type SessionOwner, type ShareSessions, sessionEpochs } from '../share/share-sessions.ts'
import { type SharedLog, sharedLog } from '../share/shared-log.ts'
import { toWireError, type Wire } from '../wire.ts'
import { errnoOf, type WireErrorCode } from '../wire-error-code.ts'

type FetchRequest = RequestOf<typeof shareFetch>
type AcknowledgeRequest = RequestOf<typeof shareAcknowledge>
type FetchedPartition = NonNullable<
  NonNullable<ResponseOf<typeof shareFetch>['responses']>[number]['partitions']
>[number]
type AcknowledgedPartition = NonNullable<
  NonNullable<ResponseOf<typeof shareAcknowledge>['responses']>[number]['partitions']
>[number]

interface AcknowledgedTopic {
  readonly topicId: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly acknowledgementBatches: readonly AcknowledgementBatch[]
  }[]
}

// Kafka: ShareAcquireMode.RECORD_LIMIT (KIP-1206)
const recordLimit = 1

/** Delivers records that nobody has acquired, and takes acknowledgements (KIP-932). */
export function shareFetchHandlers(wire: Wire, sessions: ShareSessions): Handler[] {
  const fetching = handler(shareFetch, async (request, context) => {
    const { shareSessionEpoch: epoch, topics, isRenewAck } = request
    const asked = askedBy(wire, request)
    if ('errorCode' in asked) return asked
    const { owner, group } = asked
    if (isRenewAck && wantsRecords(request)) return refused('INVALID_REQUEST')
    const begins = epoch === sessionEpochs.first
    // Before a session begins, nothing can have been acquired.
    if (begins && topics.some(hasAcknowledgements)) return refused('INVALID_REQUEST')
    const session = begins
      ? sessions.open(owner, context, topics.map(toNamed))
      : continued(sessions, owner, context, epoch)
    if (typeof session === 'string') return refused(session)
    if (!begins) session?.update(topics.map(toNamed), request.forgottenTopicsData)
    const answer = new ShareAnswer<FetchedPartition>({ records: [], acquiredRecords: [] })
    acknowledge(wire, asked, context, { topics, isRenewAck }, (topicId, partition, { errorCode }) =>
      answer.tell(topicId, partition, { acknowledgeErrorCode: errorCode }),
    )
    const { node } = context
    if (session === undefined) sessions.close(owner, node)
    else if (!isRenewAck) {
      const wanted = session.partitions
      const fetched = await acquire(wire, asked, wanted, request, context)
      for (const { log } of fetched) sessions.acquiredAt(node, log)
      tellFetched(find(wire, context, wanted), fetched, answer)
    }
    return answered(wire, group, answer)
  })
  return [
    { ...fetching, whole: (request, context) => wholeFetch(sessions, request as FetchRequest, context) },

    handler(shareAcknowledge, (request, context) => {
      const { shareSessionEpoch: epoch } = request
      // Only a fetch begins a session.
      if (epoch === sessionEpochs.first) return refused('INVALID_SHARE_SESSION_EPOCH')
      const asked = askedBy(wire, request)
      if ('errorCode' in asked) return asked
      const { owner, group } = asked
      const session = continued(sessions, owner, context, epoch)
      if (typeof session === 'string') return refused(session)
      const answer = new ShareAnswer<AcknowledgedPartition>({})
      acknowledge(wire, asked, context, request, (topicId, partition, { errorCode, leadership }) =>
        answer.tell(topicId, partition, { errorCode }, leadership),
      )
      if (session === undefined) sessions.close(owner, context.node)
      return answered(wire, group, answer)
    }),
  ]
}

// A request that goes on with a session names only what changes.
function wholeFetch(sessions: ShareSessions, request: FetchRequest, { node }: RequestContext) {
  const { groupId, memberId, shareSessionEpoch: epoch, topics, forgottenTopicsData } = request
  if (!groupId || !memberId || epoch === sessionEpochs.first || epoch === sessionEpochs.final) return request
  const session = sessions.get({ groupId, memberId }, node)
  return session && { ...request, topics: session.after(topics.map(toNamed), forgottenTopicsData) }
}

interface Asked {
  readonly owner: SessionOwner
  readonly group: KeptShareGroup
}

function refused(code: WireErrorCode): { readonly errorCode: number } {
  return { errorCode: errnoOf(code) }
}

// The membership in the group is not checked, as in Kafka: only the coordinator would know.
function askedBy(
  wire: Wire,
  { groupId, memberId, shareSessionEpoch }: Pick<FetchRequest, 'groupId' | 'memberId' | 'shareSessionEpoch'>,
): Asked | { readonly errorCode: number } {
  if (!groupId || !isMemberId(memberId)) return refused('INVALID_REQUEST')
  const { shareGroups } = wire
  try {
    const begins = shareSessionEpoch === sessionEpochs.first
    const group = begins ? shareGroups.of(groupId) : shareGroups.find(groupId)
    return group === undefined ? refused('SHARE_SESSION_NOT_FOUND') : { owner: { groupId, memberId }, group }
  } catch (error) {
    return toWireError(wire, error)
  }
}

/** The session that a request continues; undefined if the request ends it. */
function continued(
  sessions: ShareSessions,
  owner: SessionOwner,
  { node }: RequestContext,
  epoch: number,
): ShareSession | WireErrorCode | undefined {
  if (epoch !== sessionEpochs.final) return sessions.next(owner, node, epoch)
  return sessions.get(owner, node) === undefined ? 'SHARE_SESSION_NOT_FOUND' : undefined
}

// A request that renews locks does not wait for records (KIP-1222).
function wantsRecords({ maxWaitMs, minBytes, maxBytes, maxRecords }: FetchRequest): boolean {
  return maxWaitMs !== 0 || minBytes !== 0 || maxBytes !== 0 || maxRecords !== 0
}

function hasAcknowledgements({ partitions }: AcknowledgedTopic): boolean {
  return partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0)
}

function toNamed({ topicId, partitions }: AcknowledgedTopic) {
  return { topicId, partitions: partitions.map(({ partitionIndex }) => partitionIndex) }
}

function answered<Told extends object>(
  { groupConfigs }: Wire,
  { members }: KeptShareGroup,
  answer: ShareAnswer<Told>,
) {
  return {
    errorCode: 0,
    acquisitionLockTimeoutMs: groupConfigs.get(members.id).shareRecordLockDurationMs,
    responses: answer.responses,
    nodeEndpoints: answer.nodeEndpoints,
  }
}

// --- acknowledging --------------------------------------------------------------------------------------------------

type Tell = (topicId: string, partition: number, result: Acknowledged) => void

interface Acknowledged {
  readonly errorCode: number
  readonly leadership?: Parameters<ShareAnswer<object>['tell']>[3]
}

function acknowledge(
  wire: Wire,
  asked: Asked,
  context: RequestContext,
  {
    topics,
    isRenewAck,
  }: Pick<AcknowledgeRequest, 'isRenewAck'> & { readonly topics: readonly AcknowledgedTopic[] },
  tell: Tell,
): void {
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex, acknowledgementBatches: batches } of partitions) {
      if (batches.length === 0) continue
      const result =
        areValid(batches, isRenewAck) || !wire.engine.topicsById.has(topicId)
          ? acknowledgeOne(wire, asked, context, topicId, partitionIndex, batches)
          : refused('INVALID_REQUEST')
      tell(topicId, partitionIndex, result)
    }
  }
}

function acknowledgeOne(
  wire: Wire,
  { owner, group }: Asked,
  context: RequestContext,
  topicId: string,
  partition: number,
  batches: readonly AcknowledgementBatch[],
): Acknowledged {
  const found = sharedLog(wire, context, topicId, partition)
  if (!('log' in found)) return found
  const error = group.partitions.acknowledge(found.log, owner.memberId, batches)
  return error === undefined ? { errorCode: 0 } : refused(error)
}

// --- fetching -------------------------------------------------------------------------------------------------------

interface Wanted {
  readonly entry: SessionPartition
  readonly found: SharedLog
}

function find(wire: Wire, context: RequestContext, partitions: readonly SessionPartition[]): Wanted[] {
  return partitions.map(entry => ({ entry, found: sharedLog(wire, context, entry.topicId, entry.partition) }))
}

function logsOf(wanted: readonly Wanted[]): Partition[] {
  return wanted.flatMap(({ found }) => ('log' in found ? [found.log] : []))
}

/** Acquires what there is of the records that a member reads, or waits until there are some. */
async function acquire(
  wire: Wire,
  { owner: { memberId }, group: { partitions } }: Asked,
  wanted: readonly SessionPartition[],
  request: FetchRequest,
  context: RequestContext,
): Promise<readonly SharedRecords[]> {
  const { minBytes, maxRecords, batchSize } = request
  const maxWaitMs = Math.min(request.maxWaitMs, wire.fetchMaxWaitMs)
  const maxBytes = Math.min(request.maxBytes, wire.fetchMaxBytes)
  const exact = request.shareAcquireMode === recordLimit
  const wish: ShareFetchWish = { memberId, minBytes, maxBytes, maxRecords, batchSize, exact }
  const led = () => logsOf(find(wire, context, wanted))
  const fetch = (anyway: boolean) => fetchShared(wire, partitions, led(), wish, anyway)
  const logs = led()
  // An error is answered at once: the rest does not wait for records.
  const waits =
    maxWaitMs > 0 && minBytes > 0 && maxRecords > 0 && maxBytes > 0 && logs.length === wanted.length
  let fetched = fetch(!waits)
  if (fetched.length > 0 || !waits || context.signal.aborted) return fetched
  const { signal } = context
  const [released, moved] = [partitions.listeners, wire.cluster.listeners]
  const found = await untilEnough(
    { clock: wire.engine.clock, logs, maxWaitMs, signal, released, moved },
    () => {
      fetched = fetch(false)
      return fetched.length > 0 || led().length < wanted.length
    },
  )
  // A client that is gone would not hear what was acquired for it.
  return found || signal.aborted ? fetched : fetch(true)
}

function tellFetched(
  wanted: readonly Wanted[],
  fetched: readonly SharedRecords[],
  answer: ShareAnswer<FetchedPartition>,
): void {
  const byLog = new Map(fetched.map(each => [each.log, each]))
  for (const { entry, found } of wanted) {
    const { topicId, partition } = entry
    const shared = 'log' in found ? byLog.get(found.log) : undefined
    const failed = 'log' in found ? undefined : found
    // A partition is told, too, if it is new in the session, or has no error any more.
    if (failed !== undefined) {
      answer.tell(topicId, partition, { errorCode: failed.errorCode }, failed.leadership)
    } else if (shared !== undefined || entry.due) {
      const { records = [], acquired = [], errorCode = 0 } = shared ?? {}
      answer.tell(topicId, partition, { errorCode, records, acquiredRecords: acquired.map(toAcquired) })
    }
    entry.due = failed !== undefined
  }
}

function toAcquired({ first, last, deliveryCount }: SharedRecords['acquired'][number]) {
  return { firstOffset: first, lastOffset: last, deliveryCount }
}
