import type { EpochOffset, OwnedOffset } from '../engine.ts'
import type { GroupMember } from './group-member.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { GroupPartition } from './group-partition.ts'

/** What commits of an owned partition need of its group. */
export interface OwnedPartitionHost {
  readonly offsets: GroupOffsets
  commit(member: GroupMember, offsets: readonly EpochOffset[]): void
  touch(): void
}

/**
 * A partition under one assignment, for an owner that commits with every record: without a look-up or an allocation.
 */
export class OwnedPartition implements OwnedOffset {
  readonly #host: OwnedPartitionHost
  readonly #member: GroupMember
  readonly #partition: GroupPartition<GroupMember>
  readonly #epoch: number

  constructor(
    host: OwnedPartitionHost,
    member: GroupMember,
    partition: GroupPartition<GroupMember>,
    epoch: number,
  ) {
    this.#host = host
    this.#member = member
    this.#partition = partition
    this.#epoch = epoch
  }

  commit(offset: number): void {
    const partition = this.#partition
    const owned = partition.owner === this.#member && partition.epoch === this.#epoch
    if (owned && this.#host.offsets.moveOwned(partition, offset)) return this.#host.touch()
    // The first commit under an assignment, or one that comes too late, is made or refused as any other commit.
    const { topic, partition: number } = partition
    this.#host.commit(this.#member, [{ topic, partition: number, offset, assignmentEpoch: this.#epoch }])
  }
}
