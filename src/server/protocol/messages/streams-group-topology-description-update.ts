import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

const topologyDescriptionNode = struct({
  name: string,
  nodeType: int8,
  sourceTopics: array(string),
  sinkTopic: field(nullable(string), {}, null),
  stores: array(string),
  successors: array(string),
})

const topologyDescriptionSubtopology = struct({
  subtopologyId: string,
  nodes: array(topologyDescriptionNode),
})

const topologyDescriptionGlobalStore = struct({
  source: topologyDescriptionNode,
  processor: topologyDescriptionNode,
})

const topologyDescription = struct({
  subtopologies: array(topologyDescriptionSubtopology),
  globalStores: array(topologyDescriptionGlobalStore),
})

export const streamsGroupTopologyDescriptionUpdate = api(
  'StreamsGroupTopologyDescriptionUpdate',
  { key: 93, versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    topologyEpoch: int32,
    topologyDescription: topologyDescription,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
  },
)
