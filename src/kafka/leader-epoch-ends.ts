import type { ClientLibrary } from './client-library.ts'
import type { Api } from './library-messages.ts'

/** Where an epoch ends in the log of a leader; -1 for both where the log does not tell. */
export interface LeaderEpochEnd {
  readonly partition: number
  readonly errorCode: number
  /** The last epoch of the log that is not after the one that was asked for. */
  readonly leaderEpoch: number
  readonly endOffset: bigint
}

type Asked = readonly {
  readonly name: string
  readonly partitions: readonly {
    readonly partition: number
    readonly currentLeaderEpoch: number
    readonly leaderEpoch: number
  }[]
}[]

const key = 23
const version = 4
const consumerReplicaId = -1

/** Asks where leader epochs end (OffsetForLeaderEpoch). Version 1 of the library misreads the answer. */
export function leaderEpochEnds(library: ClientLibrary): Api<
  [topics: Asked],
  {
    readonly topics: readonly { readonly name: string; readonly partitions: readonly LeaderEpochEnd[] }[]
  }
> {
  const api = library.createAPI(
    key,
    version,
    (topics: Asked) =>
      library.Writer.create()
        .appendInt32(consumerReplicaId)
        .appendArray(topics, (writer, { name, partitions }) =>
          writer
            .appendString(name)
            .appendArray(partitions, (each, { partition, currentLeaderEpoch, leaderEpoch }) =>
              each.appendInt32(partition).appendInt32(currentLeaderEpoch).appendInt32(leaderEpoch),
            ),
        )
        .appendTaggedFields(),
    (_correlationId, _key, _version, reader) => {
      // throttle_time_ms
      reader.readInt32()
      return {
        topics: reader.readArray(topic => ({
          name: topic.readString(),
          partitions: topic.readArray(each => ({
            errorCode: each.readInt16(),
            partition: each.readInt32(),
            leaderEpoch: each.readInt32(),
            endOffset: each.readInt64(),
          })),
        })),
      }
    },
  )
  return { api }
}
