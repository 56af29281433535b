/** What FindCoordinator looks for: by Kafka's numbers of the types of keys. (Kafka: FindCoordinatorRequest.CoordinatorType) */
export const coordinatorTypes = { group: 0, transaction: 1, share: 2 } as const
