import { fork } from 'node:child_process'

/** Runs a program in a process of its own, and gives what it sends. */
export function answerOf<Answer>(
  script: string,
  args: readonly string[],
  execArgv: readonly string[] = ['--expose-gc'],
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [...args], { execArgv: [...execArgv] })
    let answer: Answer | undefined
    child.on('message', message => {
      answer = message as Answer
    })
    child.on('error', reject)
    child.on('exit', code => {
      if (answer !== undefined && code === 0) resolve(answer)
      else reject(new Error(`'${args.join(' ')}' ended with ${code}`))
    })
  })
}
