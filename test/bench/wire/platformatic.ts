import path from 'node:path'
import { run } from './program.ts'

const folder = path.resolve(import.meta.dirname, 'platformatic')

/** One of the programs in platformatic/, as a command. */
export function platformatic(program: string, ...args: readonly string[]): string[] {
  return [process.execPath, path.join(folder, program), ...args]
}

/** Installs @platformatic/kafka; gives why that cannot be, or undefined. */
export async function installPlatformatic(): Promise<string | undefined> {
  try {
    await run(['npm', 'ci', '--silent', '--engine-strict=false'], folder)
    return undefined
  } catch (error) {
    return String(error)
  }
}
