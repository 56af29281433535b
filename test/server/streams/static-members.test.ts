import { expect, it } from 'vitest'
import { copying, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()
const copy = copying('orders')
const [fenced, unknown, unreleased, fencedInstance] = [110, 25, 111, 82]
const one = { instanceId: 'one' }

it('keeps the tasks of a static member that goes, and gives them to who takes its place', async () => {
  const { broker, thread, joined, describe } = scene()
  const a = await joined('a', undefined, one)
  const b = await joined('b')
  for (const each of [a, b, a, b]) await each.owns()
  const tasks = a.active
  expect(await a.leave({ memberEpoch: -2, ...one })).toMatchObject({ errorCode: 0, memberEpoch: -2 })
  const away = await describe()
  expect(away).toMatchObject({ groupState: 'Reconciling', members: [{ memberEpoch: -2 }, {}] })
  expect(broker.group('g').members).toMatchObject([{ groupInstanceId: 'one', connected: false }, {}])
  expect(await b.beat()).toMatchObject({ memberEpoch: 3, activeTasks: null })

  const next = thread('next')
  await next.join(copy, { processId: 'a', ...one })
  expect(next.active).toEqual(tasks)
  const { groupState, groupEpoch, members } = await describe()
  expect([groupState, groupEpoch]).toEqual(['Stable', away.groupEpoch])
  expect(members.map((each: any) => [each.memberId, each.instanceId])).toEqual([
    ['b', null],
    ['next', 'one'],
  ])
  expect(await a.beat({ memberEpoch: 3 })).toMatchObject({ errorCode: unknown })
  expect(await a.beat({ memberEpoch: 3, ...one })).toMatchObject({ errorCode: fencedInstance })
})

it('lets nobody take the place of a static member that has not gone', async () => {
  const { thread, joined } = scene()
  const a = await joined('a', undefined, one)
  expect(await thread('b').join(copy, one)).toMatchObject({ errorCode: unreleased })
  expect(await thread('a').join(copy, one)).toMatchObject({ errorCode: unreleased })
  expect(await a.beat(one)).toMatchObject({ errorCode: 0, memberEpoch: 2 })
  const other = thread('b')
  expect(await other.beat({ memberEpoch: 1, ...one })).toMatchObject({ errorCode: fencedInstance })
  expect(await other.leave({ memberEpoch: -2, ...one })).toMatchObject({ errorCode: fencedInstance })
  expect(await a.leave({ memberEpoch: -2, instanceId: 'two' })).toMatchObject({ errorCode: unknown })
  expect(await a.leave(one)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(await thread('b').join(copy, one)).toMatchObject({ errorCode: 0 })
})

it('has one that has gone join anew', async () => {
  const { thread, joined } = scene()
  const a = await joined('a', undefined, one)
  await a.leave({ memberEpoch: -2, ...one })
  for (const said of [{}, one])
    expect(await a.beat({ memberEpoch: 2, ...said })).toMatchObject({ errorCode: fenced })
  const again = thread('a')
  await again.join(copy, one)
  expect([again.memberEpoch, again.active]).toEqual([2, ['0_0', '0_1']])
})

it('deals the tasks of a static member out when it does not come back within its session', async () => {
  const { broker, joined, describe } = scene({ streamsSessionTimeoutMs: 3000 })
  const a = await joined('a', undefined, one)
  await a.leave({ memberEpoch: -2, ...one })
  await broker.advance(2999)
  const b = await joined('b')
  expect([b.active, (await describe()).members.length]).toEqual([[], 2])
  await broker.advance(1)
  await b.beat()
  expect(b.active).toEqual(['0_0', '0_1'])
  expect((await describe()).members).toHaveLength(1)
})

it('takes no timer of one whose place is taken to be the timer of its successor', async () => {
  const { broker, thread, joined, describe } = scene({ streamsSessionTimeoutMs: 3000 })
  const a = await joined('a', undefined, one)
  await a.leave({ memberEpoch: -2, ...one })
  await broker.advance(2000)
  const next = thread('next')
  await next.join(copy, one)
  await broker.advance(2000)
  expect((await describe()).members).toMatchObject([{ memberId: 'next' }])
  expect(await next.beat()).toMatchObject({ errorCode: 0 })
})

it('deals out anew where a static member comes back as another process, or with other tags', async () => {
  const { thread, joined, describe } = scene()
  await joined('a', undefined, one)
  const { groupEpoch } = await describe()
  let epoch = groupEpoch
  let before = 'a'
  for (const said of [{ processId: 'x' }, { processId: 'x', clientTags: [{ key: 'zone', value: 'east' }] }]) {
    await thread(before).leave({ memberEpoch: -2, ...one })
    before = `after-${before}`
    await thread(before).join(copy, { ...one, ...said })
    expect((await describe()).groupEpoch).toBe(++epoch)
  }
})

it('is not waited for while its only member is away', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', undefined, one)
  broker.topic('orders').append({ value: 1 })
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow()
  await a.leave({ memberEpoch: -2, ...one })
  await broker.idle()
})

it.each([
  ['as who it was', 'next', one],
  ['by its id alone', 'a', {}],
])(
  'has who comes back %s give nothing up first, whether or not it says that it has no tasks',
  async (_, id, as) => {
    const { thread, joined } = scene()
    const a = await joined('a', undefined, one)
    await a.leave({ memberEpoch: -2, ...one })
    const b = await joined('b')
    const next = thread(id)
    await next.join(copy, { processId: 'a', activeTasks: null, standbyTasks: null, warmupTasks: null, ...as })
    expect([next.memberEpoch, next.active]).toEqual([3, ['0_0']])
    await b.owns()
    expect(b.active).toEqual(['0_1'])
  },
)

it('knows who has which place when a member takes the place of another that was away', async () => {
  const { thread, joined } = scene()
  const two = { instanceId: 'two' }
  const a = await joined('a', undefined, one)
  await joined('b', undefined, two)
  await a.leave({ memberEpoch: -2, ...one })
  // As 'one' from now on, so the place 'two' is free.
  const b = thread('b')
  expect(await b.join(copy, one)).toMatchObject({ errorCode: 0 })
  expect(await b.beat(two)).toMatchObject({ errorCode: unknown })
  expect(await b.beat(one)).toMatchObject({ errorCode: 0 })
  expect(await thread('c').join(copy, two)).toMatchObject({ errorCode: 0 })
  expect(await b.leave(one)).toMatchObject({ errorCode: 0 })
  expect(await thread('d').join(copy, one)).toMatchObject({ errorCode: 0 })
})
