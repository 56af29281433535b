import type { AssignmentUpdate, MembershipListener } from '../engine.ts'
import type { BrokerletError } from '../errors.ts'
import type { TestClient } from './test-client.ts'

/** Records what a group tells a member, and withholds it from a member that has crashed. */
export class TestListener implements MembershipListener {
  readonly #client: TestClient
  readonly #listener: MembershipListener
  #memberId: string | undefined
  // Updates that came before the member knew its own id.
  #early: AssignmentUpdate[] = []

  constructor(client: TestClient, listener: MembershipListener) {
    this.#client = client
    this.#listener = listener
  }

  get autoCommit(): boolean {
    return this.#listener.autoCommit
  }

  get autoOffsetReset(): MembershipListener['autoOffsetReset'] {
    return this.#listener.autoOffsetReset
  }

  get isolationLevel(): MembershipListener['isolationLevel'] {
    return this.#listener.isolationLevel
  }

  /** From now on the timeline records updates under this member id. */
  joined(memberId: string): void {
    this.#memberId = memberId
    for (const update of this.#early.splice(0)) this.#note(update, memberId)
  }

  assignmentChanged(update: AssignmentUpdate): void {
    if (this.#memberId === undefined) this.#early.push(update)
    else this.#note(update, this.#memberId)
    if (!this.#client.crashed) this.#listener.assignmentChanged(update)
  }

  #note({ lost, revoked, assigned, settled }: AssignmentUpdate, member: string): void {
    const client = this.#client
    if (lost.length > 0) client.note({ kind: 'lost', member, partitions: lost })
    if (revoked.length > 0) client.note({ kind: 'revoking', member, partitions: revoked })
    const nothing = settled && lost.length + revoked.length === 0
    if (assigned.length === 0 && !nothing) return
    const partitions = assigned.map(({ topic, partition }) => ({ topic, partition }))
    client.note({ kind: 'assigned', member, partitions })
  }

  fenced(error: BrokerletError): void {
    this.#client.note({ kind: 'fenced', member: this.#memberId ?? this.#client.member, error })
    if (!this.#client.crashed) this.#listener.fenced(error)
  }

  position(topic: string, partition: number): number | undefined {
    return this.#client.crashed ? undefined : this.#listener.position(topic, partition)
  }
}
