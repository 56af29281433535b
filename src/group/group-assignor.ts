import type { Assignor, AssignorName } from '../assignor.ts'
import { InconsistentGroupProtocolError } from '../errors.ts'
import type { ComputeAssignment } from './assignment-problem.ts'
import { assignors } from './assignors.ts'
import { computeWith } from './custom-assignor.ts'
import type { ComputedTarget, GroupAssignment } from './group-assignment.ts'
import type { GroupMember } from './group-member.ts'
import type { GroupMembers } from './group-members.ts'

/** What a group's assignor needs of its group. */
export interface GroupAssignorHost {
  readonly groupId: string
  readonly members: GroupMembers
  readonly assignment: GroupAssignment
  /** The assignor failed where the change cannot be refused: no caller gets the error. */
  failed(error: unknown): void
}

/** An assignor as a member named it, and the function that computes with it. */
export interface ChosenAssignor {
  readonly assignor: Assignor | AssignorName
  readonly compute: ComputeAssignment
}

/** The assignor of a group: its first member chooses it, and the others have to agree. */
export class GroupAssignor {
  readonly #host: GroupAssignorHost
  #chosen: ChosenAssignor = { assignor: 'uniform', compute: assignors.uniform }

  constructor(host: GroupAssignorHost) {
    this.#host = host
  }

  get name(): string {
    return nameOf(this.#chosen.assignor)
  }

  /**
   * Returns the assignor that the group would use with one more member, which asks for `wanted`; changes nothing.
   *
   * @throws InconsistentGroupProtocolError where the other members use another one
   */
  choose(wanted: Assignor | AssignorName | undefined): ChosenAssignor {
    if (this.#host.members.some(member => !member.classic)) {
      if (wanted === undefined || wanted === this.#chosen.assignor) return this.#chosen
      throw this.#refuse(wanted)
    }
    const assignor = wanted ?? 'uniform'
    if (assignor === this.#chosen.assignor) return this.#chosen
    return { assignor, compute: typeof assignor === 'string' ? assignors[assignor] : computeWith(assignor) }
  }

  #refuse(wanted: Assignor | AssignorName): InconsistentGroupProtocolError {
    const { groupId } = this.#host
    const received = nameOf(wanted)
    const other = received === this.name ? ' from another object of that name' : ''
    return new InconsistentGroupProtocolError(
      `Group '${groupId}' assigns by '${this.name}'; a member asked for '${received}'${other}`,
      { groupId, assignor: this.name, received },
    )
  }

  is(chosen: ChosenAssignor): boolean {
    return chosen === this.#chosen
  }

  become(chosen: ChosenAssignor): void {
    this.#chosen = chosen
  }

  /**
   * Computes a target for these members; changes nothing.
   *
   * @throws InvalidAssignmentError where a custom assignor fails
   */
  compute(members: readonly GroupMember[], { compute }: ChosenAssignor = this.#chosen): ComputedTarget {
    return this.#host.assignment.compute(members, compute)
  }

  /**
   * Computes a target where the change cannot be refused, since a member has left. If the assignor fails, the old
   * target stands, partitions without an owner wait for the next change, and the broker reports the error.
   */
  computeForced(members: readonly GroupMember[]): ComputedTarget {
    try {
      return this.compute(members)
    } catch (error) {
      this.#host.failed(error)
      return { ...this.#host.assignment.compute(members, keepTarget), failed: true }
    }
  }
}

function nameOf(assignor: Assignor | AssignorName): string {
  return typeof assignor === 'string' ? assignor : assignor.name
}

// The old target without the members that left, for when the assignor has failed: whoever stays still reads its topics.
const keepTarget: ComputeAssignment = ({ current }) => [...current]
