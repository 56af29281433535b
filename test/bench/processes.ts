import { fork } from 'node:child_process'

interface ProcessOptions {
  /** The options of Node. */
  readonly execArgv: readonly string[]
  /** Gets what the process prints; without it, the process prints to the same place as this one. */
  readonly printed?: (text: string) => void
}

/** Runs a program in a process of its own, and resolves with the message that it sends. */
export function answerOf<Answer>(
  script: string,
  args: readonly string[],
  { execArgv, printed }: ProcessOptions = { execArgv: ['--expose-gc'] },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [...args], {
      execArgv: [...execArgv],
      stdio: ['ignore', printed === undefined ? 'inherit' : 'pipe', 'inherit', 'ipc'],
    })
    if (printed !== undefined) child.stdout!.setEncoding('utf8').on('data', printed)
    let answer: Answer | undefined
    child.on('message', message => {
      answer = message as Answer
    })
    child.on('error', reject)
    child.on('close', code => {
      if (answer !== undefined && code === 0) resolve(answer)
      else reject(new Error(`'${args.join(' ')}' ended with ${code}`))
    })
  })
}
