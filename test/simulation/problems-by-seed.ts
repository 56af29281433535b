import { seeds } from '../helpers/lot.ts'

/** What a seed decides, from its beginning to its end. */
export interface Scene {
  readonly problems: readonly string[]
  run(): Promise<void>
}

/** Runs the scenes of so many seeds, or of those that `SEEDS` asks for; returns the problems of those that have some. */
export async function problemsBySeed(
  last: number,
  begin: (seed: number) => Scene,
): Promise<Record<number, readonly string[]>> {
  const problems: Record<number, readonly string[]> = {}
  for (const seed of seeds(last)) {
    const scene = begin(seed)
    await scene.run()
    if (scene.problems.length > 0) problems[seed] = scene.problems
  }
  return problems
}
