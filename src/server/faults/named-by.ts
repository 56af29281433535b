import type { ApiName } from '../protocol/api-name.ts'
import { apis } from '../protocol/apis.ts'
import type { Api } from '../protocol/message.ts'

/** What the requests of an API can name, of what a scope selects by. */
export interface Named {
  readonly topic: boolean
  readonly partition: boolean
  readonly group: boolean
}

// The fields that `pointOf` looks at.
const topicFields = [
  'topics',
  'topicData',
  'topicNames',
  'v3AndBelowTopics',
  'topicPartitions',
  'dirs',
  'resources',
  'subscribedTopicNames',
]
const groupFields = ['groupId', 'groups', 'groupIds', 'groupsNames', 'resources', 'keyType']

// Its topics are in its groups.
const topicsInGroups: ReadonlySet<ApiName> = new Set<ApiName>(['DescribeShareGroupOffsets'])

const wholeTopics: ReadonlySet<ApiName> = new Set<ApiName>([
  'AlterConfigs',
  'CreatePartitions',
  'CreateTopics',
  'DeleteShareGroupOffsets',
  'DeleteTopics',
  'DescribeConfigs',
  'DescribeTopicPartitions',
  'IncrementalAlterConfigs',
  'Metadata',
  'ShareGroupHeartbeat',
])

export function namedBy(name: ApiName): Named {
  const api = (Object.values(apis) as unknown as readonly Api[]).find(each => each.name === name)!
  const fields = api.request.zero as object
  const topic = topicsInGroups.has(name) || topicFields.some(field => field in fields)
  return {
    topic,
    partition: topic && !wholeTopics.has(name),
    group: groupFields.some(field => field in fields),
  }
}
