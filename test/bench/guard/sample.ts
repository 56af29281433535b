import { median } from '../measure.ts'
import { answerOf } from '../processes.ts'
import { measuring } from './measuring.ts'

/** The guarded figures of a path. */
export interface Sample {
  /** Bytes allocated per record. */
  readonly bytes: number
  /** Deoptimisations after the warm-up, where there should be none. */
  readonly deoptimisations: number
  /** The path's time as a multiple of its yardstick's. */
  readonly ratio: number
}

// The young generation holds all that a measurement allocates, so that nothing is collected meanwhile.
const roomy = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256', '--trace-deopt']

const ratioProcesses = 3

/** Measures one path, in processes of its own. */
export async function sample(script: string, path: string): Promise<Sample> {
  let printed = ''
  const bytes = await answerOf<number>(script, [path, 'bytes'], {
    execArgv: roomy,
    printed: text => {
      printed += text
    },
  })
  const ratios: number[] = []
  for (let i = 0; i < ratioProcesses; i++) ratios.push(await answerOf<number>(script, [path, 'ratio']))
  return { bytes, deoptimisations: countDeoptimisations(printed), ratio: median(ratios) }
}

/** Counts the deoptimisations that V8 reports after the warm-up. */
export function countDeoptimisations(printed: string): number {
  const measured = printed.split(`${measuring}\n`)[1]
  if (measured === undefined) throw new Error('the process did not say when its warm-up was over')
  return measured.match(/^\[bailout .*begin\. deoptimizing/gm)?.length ?? 0
}
