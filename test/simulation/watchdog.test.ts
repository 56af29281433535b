import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

/** Runs a program in which something is watched that may take so long. */
function watched(longestMs: number, code: string) {
  const program = `
    import { Watchdog } from './watchdog.ts'
    const watchdog = new Watchdog(${longestMs})
    async function round() { for (;;) await undefined }
    ${code}`
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  )
  return { status, signal, stdout, stderr }
}

it('a program ends that never lets go of its thread, and says where it is', () => {
  const { signal, stderr } = watched(100, "await watchdog.watch('It', round)")
  expect(stderr).toMatch(/^It has not ended after 0.1 s\n {4}at round \(/)
  expect(signal).toBe('SIGKILL')
})

it('a program ends that waits for what takes too long', () => {
  const { signal, stderr } = watched(
    100,
    "void watchdog.watch('It', () => new Promise(() => setInterval(() => {}, 1)))",
  )
  expect(stderr).toMatch(/^It has not ended after 0.1 s\n/)
  expect(signal).toBe('SIGKILL')
})

it('a program that ends before what it watches says so', () => {
  const never = 'It never ends: nothing is left that could happen\n'
  const code = "void watchdog.watch('It', () => new Promise(() => {}))"
  expect(watched(600_000, code)).toEqual({ status: 1, signal: null, stdout: '', stderr: never })
})

it('a program is left alone while nothing takes too long', () => {
  const code = `
    for (let i = 0; i < 3; i++) await watchdog.watch('It', () => new Promise(setImmediate))
    await watchdog.watch('It', () => Promise.reject()).catch(() => console.log('done'))`
  expect(watched(600_000, code)).toEqual({ status: 0, signal: null, stdout: 'done\n', stderr: '' })
})

it('a program is left alone for longer than a timer takes', () => {
  const code = "await watchdog.watch('It', () => new Promise(resolve => setTimeout(resolve, 500)))"
  expect(watched(2 ** 31, code)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
})
