import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'

interface Outcome {
  readonly crash: readonly string[]
}

const installed = (program: string) => path.join(import.meta.dirname, 'node_modules', '.bin', program)

/** What the scene comes to on a runtime. */
function play(program: string, ...args: string[]): Outcome {
  return JSON.parse(
    execFileSync(program, [...args, 'scene.mjs'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

const onNode = play(process.execPath)

test('the scene comes to what it is meant to', () => {
  expect(onNode).toMatchObject({
    exactlyOnce: 4950,
    inMemory: ['a', 'b', 'c'],
    overTcp: ['a', 'b', 'c'],
    required: 'function',
  })
  expect(onNode.crash).toContainEqual(expect.stringContaining('crashed'))
})

test('Bun comes to the same, to the last line of the timeline', () => {
  expect(play(installed('bun'))).toEqual(onNode)
})

test('Deno comes to the same, to the last line of the timeline', () => {
  expect(play(installed('deno'), 'run', '--allow-all')).toEqual(onNode)
})
