/** What a member says of records that it has acquired. (Kafka: AcknowledgeType; KIP-1222 for renew) */
export const acknowledgeTypes = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const

/** The acknowledgement of records from one offset to another, both included: one type for all, or one for each. */
export interface AcknowledgementBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly acknowledgeTypes: readonly number[]
}

/** The acknowledgement of a run of offsets that all have the same type. */
export interface Acknowledgement {
  readonly first: number
  readonly last: number
  readonly type: number
}

/**
 * Whether batches are valid: in order, without overlaps, and with known types. (Kafka:
 * KafkaApis.validateAcknowledgementBatches)
 */
export function areValid(batches: readonly AcknowledgementBatch[], isRenewAck: boolean): boolean {
  const most = isRenewAck ? acknowledgeTypes.renew : acknowledgeTypes.reject
  let after = -1
  for (const { firstOffset, lastOffset, acknowledgeTypes: types } of batches) {
    if (firstOffset <= after || lastOffset < firstOffset || types.length === 0) return false
    if (types.length > 1 && types.length !== lastOffset - firstOffset + 1) return false
    if (types.some(type => type < acknowledgeTypes.gap || type > most)) return false
    after = lastOffset
  }
  return true
}

/** Turns batches into runs of offsets with the same type. */
export function acknowledgements(batches: readonly AcknowledgementBatch[]): Acknowledgement[] {
  return batches.flatMap(({ firstOffset, lastOffset, acknowledgeTypes: types }) => {
    if (types.length === 1) return [{ first: firstOffset, last: lastOffset, type: types[0]! }]
    const runs: { first: number; last: number; type: number }[] = []
    for (const [i, type] of types.entries()) {
      const run = runs.at(-1)
      if (run?.type === type) run.last++
      else runs.push({ first: firstOffset + i, last: firstOffset + i, type })
    }
    return runs
  })
}
