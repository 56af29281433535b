import { json } from '../../src/index.ts'
import type { Partition } from '../../src/log/partition.ts'
import type { Topic } from '../../src/log/topic.ts'
import { contentsOf, uncompacted, wrongAnswers } from './checkers/log-answers.ts'
import type { Member } from './member.ts'
import { drawPlan, drawTopics } from './plan.ts'
import type { World } from './world.ts'

/** Something that a schedule may do next. Returns what it did, or undefined where it could not. */
export interface Operation {
  readonly weight: number
  run(world: World): string | undefined
}

/** The names of topics; there are few, so that a deleted topic comes back. */
const topicNames = ['t1', 't2', 't3']

export const operations: readonly Operation[] = [
  { weight: 8, run: send },
  { weight: 5, run: sendBatch },
  { weight: 3, run: append },
  { weight: 7, run: join },
  { weight: 3, run: close },
  { weight: 1.5, run: crash },
  { weight: 1, run: restartStatic },
  { weight: 1, run: addPartitions },
  { weight: 1, run: createTopic },
  { weight: 0.6, run: deleteTopic },
  { weight: 1, run: pause },
  { weight: 2, run: resume },
  { weight: 1, run: seek },
  { weight: 1, run: commit },
  { weight: 1, run: commitLate },
  { weight: 1, run: subscribe },
  { weight: 0.7, run: deleteRecords },
  { weight: 0.7, run: compact },
  { weight: 0.7, run: lookUp },
  { weight: 0.5, run: setOffsets },
  { weight: 0.3, run: deleteGroup },
  { weight: 0.5, run: wait },
]

function topicOf(world: World) {
  const topics = [...world.broker.topics.values()]
  return topics.length === 0 ? undefined : world.random.pick(topics)
}

function message(world: World, topic: Topic) {
  // A compacted topic accepts no record without a key.
  const keyed = world.compaction.compacts(topic) || world.random.chance(0.7)
  const key = keyed ? `k${world.random.integer(0, 9)}` : undefined
  // Some come late: look-ups by time must find their way nevertheless.
  const late = world.random.chance(0.1)
    ? { timestamp: world.clock.now() - world.random.integer(0, 3000) }
    : {}
  return { ...(key === undefined ? {} : { key }), ...late, value: world.written.value(topic.id, key) }
}

function send(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  const body = message(world, topic)
  const partition = world.random.chance(0.2)
    ? { partition: world.random.integer(0, topic.partitions.length - 1) }
    : {}
  const sent = world.broker.producer().send({ topic: topic.name, ...body, ...partition })
  world.settles('send', sent)
  sent.then(
    metadata => world.written.acknowledged(body.value, metadata),
    error => world.report('unexpected-error', `send: ${error}`),
  )
  return `send ${body.value} to ${topic.name}`
}

function sendBatch(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  const bodies = Array.from({ length: world.random.integer(1, 20) }, () => message(world, topic))
  const sent = world.broker.producer().sendBatch(bodies.map(body => ({ topic: topic.name, ...body })))
  world.settles('sendBatch', sent)
  sent.then(
    all => all.forEach((metadata, i) => void world.written.acknowledged(bodies[i]!.value, metadata)),
    error => world.report('unexpected-error', `sendBatch: ${error}`),
  )
  return `send ${bodies[0]!.value}..${bodies.at(-1)!.value} to ${topic.name}`
}

function append(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  const body = message(world, topic)
  world.written.acknowledged(body.value, topic.append(body as never))
  return `append ${body.value} to ${topic.name}`
}

function join(world: World): string | undefined {
  const topics = [...world.broker.topics.keys()]
  const group = world.random.pick(world.groups)
  const live = world.live.filter(({ groupId }) => groupId === group.id)
  if (topics.length === 0 || live.length >= 4) return undefined
  return `${world.join(drawPlan(world.random, group, topics), world.nextName)} has joined`
}

function memberOf(world: World): Member | undefined {
  return world.live.length === 0 ? undefined : world.random.pick(world.live)
}

function close(world: World): string | undefined {
  const member = memberOf(world)
  if (member === undefined) return undefined
  const { random } = world
  const options = random.pick([
    {},
    { timeoutMs: 0 },
    { timeoutMs: random.integer(1, 500) },
    { drain: true },
    { leave: true },
    { drain: true, timeoutMs: random.integer(1, 500) },
  ])
  void member.close(options)
  return `${member.name} closes ${JSON.stringify(options)}`
}

function crash(world: World): string | undefined {
  const member = memberOf(world)
  if (member === undefined) return undefined
  member.crash()
  return `${member.name} dies`
}

// A static member that is closed or dies without leaving comes back under its instance id: at once, or when its session
// may have expired.
function restartStatic(world: World): string | undefined {
  const { random } = world
  const statics = world.live.filter(({ plan }) => plan.options.groupInstanceId !== undefined)
  if (statics.length === 0) return undefined
  const member = random.pick(statics)
  const { sessionTimeoutMs = 45_000 } = member.plan.options
  const afterMs = random.pick([0, sessionTimeoutMs / 2, 2 * sessionTimeoutMs])
  const name = world.nextName
  const dies = random.chance(0.4)
  const comesBack = async () => {
    if (dies) member.crash()
    else await member.close({})
    if (afterMs > 0) await world.sleep(afterMs)
    if (!world.healed) world.join(member.plan, name)
  }
  world.settles('static restart', comesBack())
  return `${member.name} ${dies ? 'dies' : 'closes'}, to come back as ${name} after ${afterMs} ms`
}

function addPartitions(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined || topic.partitions.length >= 8) return undefined
  const total = topic.partitions.length + world.random.integer(1, 2)
  topic.addPartitions(total)
  return `${topic.name} grows to ${total}`
}

/** Creates a topic that does not exist. */
export function createTopic(world: World): string | undefined {
  const { random, broker } = world
  const missing = topicNames.filter(name => !broker.topics.has(name))
  if (missing.length === 0) return undefined
  const name = random.pick(missing)
  const segmentRecords = random.integer(1, 10)
  const retentionMs = random.integer(100, 5000)
  const retention = random.pick([
    {},
    {},
    { retentionRecords: random.integer(3, 40) },
    { retentionMs, segmentRecords },
    { cleanupPolicy: 'compact' as const, segmentRecords },
    {
      cleanupPolicy: 'compact,delete' as const,
      retentionMs,
      segmentRecords,
      minCleanableDirtyRatio: random.pick([0, 0.5]),
      minCompactionLagMs: random.pick([0, 500]),
    },
  ])
  const options = { partitions: random.integer(1, 6), ...retention }
  const coded = random.chance(0.3)
  const topic = broker.createTopic(name, coded ? { ...options, codec: json } : options)
  if (options.cleanupPolicy !== undefined) world.compaction.created(topic)
  return `create ${name} ${JSON.stringify(options)}${coded ? ' with a codec' : ''}`
}

function deleteTopic(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  world.broker.deleteTopic(topic.name)
  return `delete ${topic.name}`
}

function pause(world: World): string | undefined {
  const member = memberOf(world)
  if (member === undefined) return undefined
  const some = world.random.some(member.held, 0.5)
  member.consumer.pause(some.map(({ topic, partition }) => ({ topic, partition })))
  return `${member.name} pauses ${some.map(({ topic, partition }) => `${topic}-${partition}`)}`
}

function resume(world: World): string | undefined {
  const member = memberOf(world)
  if (member === undefined || member.consumer.paused.length === 0) return undefined
  member.consumer.resume()
  return `${member.name} resumes`
}

// A pulling member seeks between two steps, just as it commits.
function seek(world: World): string | undefined {
  const member = memberOf(world)
  const assignment = member && world.random.pick(member.held)
  if (member === undefined || assignment === undefined || member.pulls) return undefined
  const { random } = world
  const to = random.pick([
    'beginning' as const,
    'end' as const,
    Math.max(0, assignment.next + random.integer(-5, 5)),
    { timestamp: world.clock.now() - random.integer(0, 1000) },
  ])
  member.seek(assignment, to)
  return `${member.name} seeks to ${JSON.stringify(to)}`
}

// A polling member commits between two polls, since Kafka's consumers may be used by one thread only.
function commit(world: World): string | undefined {
  const member = memberOf(world)
  if (member === undefined || member.plan.mode === 'poll') return undefined
  world.settles('commit', member.commitFinished())
  return `${member.name} commits what is finished`
}

// Commits under an assignment that is over, which the group must refuse.
function commitLate(world: World): string | undefined {
  const member = memberOf(world)
  const assignment = member && world.random.pick(member.given)
  if (member === undefined || assignment === undefined) return undefined
  world.settles('commit', member.commit(assignment, assignment.next))
  return `${member.name} commits late ${assignment.topic}-${assignment.partition}`
}

function subscribe(world: World): string | undefined {
  const member = memberOf(world)
  const topics = [...world.broker.topics.keys()]
  if (member === undefined || topics.length === 0) return undefined
  const wanted = world.random.chance(0.1) ? [] : drawTopics(world.random, topics)
  const subscribed = member.consumer.subscribe(wanted)
  world.settles('subscribe', subscribed)
  subscribed.catch(error => world.allow(error, member))
  return `${member.name} subscribes to ${wanted}`
}

function deleteRecords(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  const partition = world.random.pick(topic.partitions)
  const before = world.random.integer(partition.logStartOffset, partition.highWatermark)
  partition.deleteRecords(before)
  if (partition.logStartOffset !== before) {
    const where = `${topic.name}-${partition.index} begins at ${partition.logStartOffset}`
    world.report('lost-write', `${where}, and not at ${before}, where its records were deleted`)
  }
  return `delete ${topic.name}-${partition.index} before ${before}`
}

function compact(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined || !world.compaction.compacts(topic)) return undefined
  const removed = topic.compact()
  for (const partition of topic.options.minCompactionLagMs === 0 ? topic.partitions : [])
    reportLog(world, partition, uncompacted(partition, contentsOf(partition)))
  return `compact ${topic.name}: ${removed} records`
}

function lookUp(world: World): string | undefined {
  const topic = topicOf(world)
  if (topic === undefined) return undefined
  for (const partition of topic.partitions)
    reportLog(world, partition, wrongAnswers(partition, contentsOf(partition)))
  return `look up what ${topic.name} has`
}

function reportLog(world: World, partition: Partition, problems: readonly string[]): void {
  for (const problem of problems)
    world.report('wrong-answer', `${partition.topic}-${partition.index} ${problem}`)
}

function setOffsets(world: World): string | undefined {
  const group = world.group(world.random.pick(world.groups).id)
  if (group === undefined || group.members.length > 0) return undefined
  const to = world.random.pick(['earliest', 'latest'] as const)
  group.setOffsets(to)
  world.expiry.committed(group.id)
  for (const { topic, partition, offset } of group.offsets) {
    world.progress.moved(group.id, world.broker.topic(topic).id, partition, offset)
  }
  return `${group.id} is set to ${to}`
}

function deleteGroup(world: World): string | undefined {
  const group = world.group(world.random.pick(world.groups).id)
  if (group === undefined || group.members.length > 0) return undefined
  world.broker.deleteGroup(group.id)
  world.expiry.deleted(group.id)
  return `delete ${group.id}`
}

function wait(world: World): string | undefined {
  const group = world.group(world.random.pick(world.groups).id)
  if (group === undefined) return undefined
  const timeoutMs = world.random.integer(1, 1000)
  for (const waiting of [
    group.stable({ timeoutMs }),
    group.caughtUp({ timeoutMs }),
    world.broker.idle({ timeoutMs }),
  ]) {
    waiting.catch(() => {})
    world.settles('wait', waiting)
  }
  return `wait ${timeoutMs} ms for ${group.id}`
}
