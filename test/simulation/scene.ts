import { setImmediate } from 'node:timers/promises'
import { seeds } from '../helpers/lot.ts'

/** What a seed decides, from its beginning to its end. */
export interface Scene {
  readonly problems: string[]
  /** What happened, for a person to read. */
  readonly transcript: string
  run(): Promise<void>
}

/** Runs a scene; what it throws, and a rejection that nobody handles, are problems of it. */
export async function runScene(scene: Scene): Promise<void> {
  const unhandled = (error: unknown) => void scene.problems.push(`unhandled rejection: ${error}`)
  process.on('unhandledRejection', unhandled)
  try {
    await scene.run()
    await setImmediate()
  } catch (error) {
    scene.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    process.off('unhandledRejection', unhandled)
  }
}

/** Runs the scenes of so many seeds, or of those that `SEEDS` asks for; returns the problems of those that have some. */
export async function problemsBySeed(
  last: number,
  begin: (seed: number) => Scene,
): Promise<Record<number, readonly string[]>> {
  const problems: Record<number, readonly string[]> = {}
  for (const seed of seeds(last)) {
    const scene = begin(seed)
    await runScene(scene)
    if (scene.problems.length > 0) problems[seed] = scene.problems
  }
  return problems
}
