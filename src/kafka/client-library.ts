import type {
  BrokerAddress,
  LibraryConnectionOptions,
  LibraryConnectionPool,
  LibraryExchange,
  LibrarySasl,
} from './library-connection.ts'
import type {
  Api,
  BatchOptions,
  Coded,
  CommittedPartition,
  FetchedPartition,
  IdPartitions,
  LibraryReader,
  LibraryWriter,
  MetadataResponse,
  ProducedPartition,
  TopicPartitions,
  WrittenRecord,
} from './library-messages.ts'

/*
 * The part of @platformatic/kafka that is used: its connections, and the calls of Kafka's protocol. Written out here,
 * because it is an optional peer: users without a cluster have neither the package nor its types.
 */

type ByPartition = readonly TopicPartitions<{ readonly partitionIndex: number; readonly errorCode: number }>[]

type ByName = [username: LibrarySasl['username'], password: LibrarySasl['password']]

/** The parts of the library that are used. */
export interface ClientLibrary {
  /** The version of the library. */
  readonly clientSoftwareVersion: string
  readonly ConnectionPool: new (clientId: string, options: LibraryConnectionOptions) => LibraryConnectionPool
  readonly saslPlain: LibraryExchange<ByName>
  readonly saslScramSha: LibraryExchange<[algorithm: string, ...ByName, crypto: unknown]> & {
    readonly defaultCrypto: unknown
  }
  readonly saslOAuthBearer: LibraryExchange<
    [token: LibrarySasl['token'], extensions: LibrarySasl['oauthBearerExtensions']]
  >
  readonly TimeoutError: new (message: string) => Error
  readonly protocolAPIsById: Readonly<Record<number, string>>
  readonly protocolErrorsCodesById: Readonly<Record<number, string>>
  readonly protocolErrors: Readonly<Record<string, { readonly canRetry: boolean; readonly message: string }>>
  readonly apiVersionsV3: Api<
    [software: string, version: string],
    {
      readonly errorCode: number
      readonly apiKeys: readonly {
        readonly apiKey: number
        readonly minVersion: number
        readonly maxVersion: number
      }[]
    }
  >
  readonly metadataV12: Api<
    [topics: readonly string[] | null, allowAutoTopicCreation: boolean],
    MetadataResponse
  >
  readonly findCoordinatorV4: Api<
    [keyType: number, keys: readonly string[]],
    { readonly coordinators: readonly (BrokerAddress & Coded)[] }
  >
  readonly produceV9: Api<
    [acks: number, timeoutMs: number, records: readonly WrittenRecord[], options: BatchOptions],
    {
      readonly responses: readonly {
        readonly name: string
        readonly partitionResponses: readonly ProducedPartition[]
      }[]
    }
  >
  readonly fetchV13: Api<
    [
      maxWaitMs: number,
      minBytes: number,
      maxBytes: number,
      isolationLevel: number,
      sessionId: number,
      sessionEpoch: number,
      topics: readonly {
        readonly topicId: string
        readonly partitions: readonly {
          readonly partition: number
          readonly currentLeaderEpoch: number
          readonly fetchOffset: bigint
          readonly lastFetchedEpoch: number
          readonly partitionMaxBytes: number
        }[]
      }[],
      forgotten: readonly never[],
      rackId: string,
    ],
    {
      readonly errorCode: number
      readonly responses: readonly {
        readonly topicId: string
        readonly partitions: readonly FetchedPartition[]
      }[]
    }
  >
  readonly listOffsetsV7: Api<
    [
      replica: number,
      isolationLevel: number,
      topics: readonly TopicPartitions<{
        readonly partitionIndex: number
        readonly currentLeaderEpoch: number
        readonly timestamp: bigint
      }>[],
    ],
    {
      readonly topics: readonly TopicPartitions<{
        readonly partitionIndex: number
        readonly errorCode: number
        readonly offset: bigint
      }>[]
    }
  >
  readonly consumerGroupHeartbeatV1: Api<
    [
      groupId: string,
      memberId: string,
      memberEpoch: number,
      instanceId: string | null,
      rackId: string | null,
      rebalanceTimeoutMs: number,
      topicNames: readonly string[] | null,
      topicRegex: string | null,
      serverAssignor: string | null,
      partitions: readonly IdPartitions[] | null,
    ],
    Coded & {
      readonly memberEpoch: number
      readonly heartbeatIntervalMs: number
      readonly assignment: { readonly topicPartitions: readonly IdPartitions[] } | null
    }
  >
  readonly offsetCommitV9: Api<
    [
      groupId: string,
      memberEpoch: number,
      memberId: string,
      instanceId: string | null,
      topics: readonly TopicPartitions<CommittedPartition>[],
    ],
    { readonly topics: ByPartition }
  >
  readonly offsetFetchV9: Api<
    [
      groups: readonly {
        readonly groupId: string
        readonly memberId: string | null
        readonly memberEpoch: number
        readonly topics:
          | readonly {
              readonly name: string
              readonly partitionIndexes: readonly number[]
            }[]
          | null
      }[],
      requireStable: boolean,
    ],
    {
      readonly groups: readonly (Coded & {
        readonly topics: readonly TopicPartitions<{
          readonly partitionIndex: number
          readonly committedOffset: bigint
          readonly committedLeaderEpoch: number
          readonly metadata: string | null
          readonly errorCode: number
        }>[]
      })[]
    }
  >
  readonly initProducerIdV4: Api<
    [transactionalId: string | null, timeoutMs: number, producerId: bigint, producerEpoch: number],
    Coded & { readonly producerId: bigint; readonly producerEpoch: number }
  >
  readonly addPartitionsToTxnV3: Api<
    [
      transactions: readonly [
        {
          readonly transactionalId: string
          readonly producerId: bigint
          readonly producerEpoch: number
          readonly topics: readonly TopicPartitions<number>[]
        },
      ],
    ],
    {
      readonly resultsByTransaction: readonly {
        readonly topicResults: readonly {
          readonly name: string
          readonly resultsByPartition: readonly {
            readonly partitionIndex: number
            readonly partitionErrorCode: number
          }[]
        }[]
      }[]
    }
  >
  readonly addOffsetsToTxnV3: Api<
    [transactionalId: string, producerId: bigint, producerEpoch: number, groupId: string],
    Coded
  >
  readonly txnOffsetCommitV3: Api<
    [
      transactionalId: string,
      groupId: string,
      producerId: bigint,
      producerEpoch: number,
      memberEpoch: number,
      memberId: string,
      instanceId: string | null,
      topics: readonly TopicPartitions<CommittedPartition>[],
    ],
    { readonly topics: ByPartition }
  >
  readonly endTxnV3: Api<
    [transactionalId: string, producerId: bigint, producerEpoch: number, committed: boolean],
    Coded
  >
  readonly createTopicsV7: Api<
    [
      topics: readonly {
        readonly name: string
        readonly numPartitions: number
        readonly replicationFactor: number
        readonly assignments: readonly never[]
        readonly configs: readonly { readonly name: string; readonly value: string | null }[]
      }[],
      timeoutMs: number,
      validateOnly: boolean,
    ],
    { readonly topics: readonly Coded[] }
  >
  readonly deleteTopicsV6: Api<
    [
      topics: readonly { readonly name: string | null; readonly topicId?: string | undefined }[],
      timeoutMs: number,
    ],
    { readonly responses: readonly (Coded & { readonly topicId: string })[] }
  >
  readonly createPartitionsV3: Api<
    [
      topics: readonly { readonly name: string; readonly count: number; readonly assignments: null }[],
      timeoutMs: number,
      validateOnly: boolean,
    ],
    { readonly results: readonly Coded[] }
  >
  readonly incrementalAlterConfigsV1: Api<
    [
      resources: readonly {
        readonly resourceType: number
        readonly resourceName: string
        readonly configs: readonly {
          readonly name: string
          readonly configOperation: number
          readonly value: string | null
        }[]
      }[],
      validateOnly: boolean,
    ],
    { readonly responses: readonly Coded[] }
  >
  readonly deleteRecordsV2: Api<
    [
      topics: readonly TopicPartitions<{ readonly partitionIndex: number; readonly offset: bigint }>[],
      timeoutMs: number,
    ],
    { readonly topics: ByPartition }
  >
  readonly listGroupsV4: Api<
    [states: readonly string[]],
    Coded & { readonly groups: readonly { readonly groupId: string }[] }
  >
  /** Defines a call that the library lacks, or does not read well. */
  createAPI<Request extends readonly unknown[], Response>(
    key: number,
    version: number,
    createRequest: (...request: Request) => object,
    parseResponse: (correlationId: number, key: number, version: number, reader: LibraryReader) => Response,
  ): Api<Request, Response>['api']
  readonly Writer: { create(): LibraryWriter }
  readonly describeGroupsV5: Api<
    [groupIds: readonly string[], includeAuthorizedOperations: boolean],
    {
      readonly groups: readonly (Coded & {
        readonly groupState: string
        readonly protocolData: string
        readonly members: readonly {
          readonly memberId: string
          readonly groupInstanceId: string | null
          readonly clientId: string
        }[]
      })[]
    }
  >
  readonly deleteGroupsV2: Api<[groupIds: readonly string[]], { readonly results: readonly Coded[] }>
  readonly offsetDeleteV0: Api<
    [groupId: string, topics: readonly TopicPartitions<{ readonly partitionIndex: number }>[]],
    Coded & { readonly topics: ByPartition }
  >
}
