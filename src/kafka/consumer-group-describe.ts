import type { ClientLibrary } from './client-library.ts'
import type { Api, Coded, IdPartitions, LibraryReader } from './library-messages.ts'

/** A group of the consumer protocol, as its coordinator describes it. */
export interface DescribedGroup extends Coded {
  readonly groupId: string
  readonly groupState: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly DescribedMember[]
}

export interface DescribedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly assignment: readonly NamedPartitions[]
  readonly targetAssignment: readonly NamedPartitions[]
}

interface NamedPartitions extends IdPartitions {
  readonly topicName: string
}

const key = 69
const version = 0

/** Describes groups (KIP-848). The library's own call misreads the list of subscribed topic names as a single name. */
export function consumerGroupDescribe(
  library: ClientLibrary,
): Api<[groupIds: readonly string[]], { readonly groups: readonly DescribedGroup[] }> {
  const api = library.createAPI(
    key,
    version,
    (groupIds: readonly string[]) =>
      library.Writer.create()
        .appendArray(groupIds, (writer, groupId) => writer.appendString(groupId), true, false)
        .appendBoolean(false)
        .appendTaggedFields(),
    (_correlationId, _key, _version, reader) => {
      reader.readInt32()
      return { groups: reader.readArray(readGroup) }
    },
  )
  return { api }
}

// The fields in the order of the protocol: evaluation follows the order of writing.
function readGroup(reader: LibraryReader): DescribedGroup {
  const group = {
    errorCode: reader.readInt16(),
    errorMessage: reader.readNullableString(),
    groupId: reader.readString(),
    groupState: reader.readString(),
    groupEpoch: reader.readInt32(),
    assignmentEpoch: reader.readInt32(),
    assignorName: reader.readString(),
    members: reader.readArray(readMember),
  }
  // authorized_operations
  reader.readInt32()
  return group
}

function readMember(reader: LibraryReader): DescribedMember {
  const memberId = reader.readString()
  const instanceId = reader.readNullableString()
  // rack_id, member_epoch
  reader.readNullableString()
  reader.readInt32()
  const clientId = reader.readString()
  // client_host, subscribed_topic_names, subscribed_topic_regex
  reader.readString()
  reader.readArray(names => names.readString(), true, false)
  reader.readNullableString()
  const assignment = readAssignment(reader)
  const targetAssignment = readAssignment(reader)
  return { memberId, instanceId, clientId, assignment, targetAssignment }
}

function readAssignment(reader: LibraryReader): NamedPartitions[] {
  const assignment = reader.readArray(topic => ({
    topicId: topic.readUUID(),
    topicName: topic.readString(),
    partitions: topic.readArray(partitions => partitions.readInt32(), true, false),
  }))
  reader.readTaggedFields()
  return assignment
}
