/** The statuses that members are told beside their tasks, with Kafka's numbers. (Kafka: StreamsGroupHeartbeatResponse.Status) */
export const statusCodes = {
  STALE_TOPOLOGY: 0,
  MISSING_SOURCE_TOPICS: 1,
  INCORRECTLY_PARTITIONED_TOPICS: 2,
  MISSING_INTERNAL_TOPICS: 3,
  SHUTDOWN_APPLICATION: 4,
  ASSIGNMENT_DELAYED: 5,
  MISSING_CLIENT_TAGS: 6,
} as const

export interface StreamsStatus {
  readonly statusCode: number
  readonly statusDetail: string
}

export function status(code: keyof typeof statusCodes, statusDetail: string): StreamsStatus {
  return { statusCode: statusCodes[code], statusDetail }
}

/** Why the tasks of a topology cannot be assigned while its topics are as they are. */
export class UnfitTopics extends Error {
  readonly status: StreamsStatus

  constructor(code: keyof typeof statusCodes, detail: string) {
    super(detail)
    this.name = 'UnfitTopics'
    this.status = status(code, detail)
  }
}
