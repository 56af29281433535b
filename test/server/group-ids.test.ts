import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const start = wireScenes()

const groupId = ''
const invalidGroupId = { errorCode: 24 }
const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }]
const ofPartition = { topics: [{ partitions: [invalidGroupId] }] }

// As Kafka does, whatever else is wrong with the request.
it.each<[name: keyof typeof apis, versions: readonly number[], request: object, answer: object]>([
  ['joinGroup', [0, 9], { groupId, sessionTimeoutMs: 10_000, protocolType: 'consumer' }, invalidGroupId],
  ['syncGroup', [0, 3], { groupId, generationId: 1, memberId: 'a' }, invalidGroupId],
  ['heartbeat', [0, 4], { groupId, generationId: 1, memberId: 'a' }, invalidGroupId],
  ['leaveGroup', [0, 2], { groupId, memberId: 'a' }, invalidGroupId],
  ['leaveGroup', [3, 5], { groupId, members: [{ memberId: 'a' }] }, { ...invalidGroupId, members: [] }],
  ['offsetDelete', [0], { groupId, topics }, { ...invalidGroupId, topics: [] }],
  ['consumerGroupDescribe', [0, 1], { groupIds: [groupId] }, { groups: [invalidGroupId] }],
  ['txnOffsetCommit', [0, 3, 5], { transactionalId: 'tx', groupId, topics }, ofPartition],
])('refuses to %s in a group without an id (versions %j)', async (name, versions, request, answer) => {
  const { client } = start()
  for (const version of versions) {
    expect(await client.call(apis[name] as Api, version, request)).toMatchObject(answer)
  }
})

it('names no protocol of such a group, by null from the version on that has it', async () => {
  const { client } = start()
  for (const [version, protocolName] of [
    [6, ''],
    [7, null],
  ] as const) {
    const joins = { groupId, sessionTimeoutMs: 10_000, protocolType: 'consumer' }
    expect(await client.call(apis.joinGroup as Api, version, joins)).toMatchObject({ protocolName })
  }
})
