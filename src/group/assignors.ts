import type { AssignorName } from '../assignor.ts'
import type { ComputeAssignment } from './assignment-problem.ts'
import { range } from './range-assignor.ts'
import { uniform } from './uniform-assignor.ts'

/** How each of the assignors that come with the broker computes. */
export const assignors: Readonly<Record<AssignorName, ComputeAssignment>> = { uniform, range }
