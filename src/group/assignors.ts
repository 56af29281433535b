import type { ComputeAssignment } from './assignor.ts'
import { range } from './range-assignor.ts'
import { uniform } from './uniform-assignor.ts'

/** The names of the assignors that come with the broker. */
export type AssignorName = 'uniform' | 'range'

/** The assignors that come with the broker, as Kafka's group coordinator has them (KIP-848); `uniform` is the default. */
export const assignors: Readonly<Record<AssignorName, ComputeAssignment>> = { uniform, range }
