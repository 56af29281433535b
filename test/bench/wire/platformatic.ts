import path from 'node:path'
import { run } from './program.ts'

const folder = path.resolve(import.meta.dirname, 'platformatic')

/** Returns the command of a program in platformatic/. */
export function platformatic(program: string, ...args: readonly string[]): string[] {
  return [process.execPath, path.join(folder, program), ...args]
}

/** Installs @platformatic/kafka; resolves with the reason where it cannot, or undefined. */
export async function installPlatformatic(): Promise<string | undefined> {
  try {
    await run(['npm', 'ci', '--silent', '--engine-strict=false'], folder)
    return undefined
  } catch (error) {
    return String(error)
  }
}
