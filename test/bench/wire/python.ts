import { existsSync } from 'node:fs'
import path from 'node:path'
import { run } from './program.ts'
import { isInstalled } from './server.ts'

const folder = path.resolve(import.meta.dirname, 'librdkafka')
const interpreter = path.join(folder, 'target/bin/python')

/** Returns the command of a program in librdkafka/. */
export function python(program: string, ...args: readonly string[]): string[] {
  return [interpreter, path.join(folder, program), ...args]
}

/**
 * Installs Confluent's Python client, which includes librdkafka; resolves with the reason where it cannot, or
 * undefined.
 */
export async function installPython(): Promise<string | undefined> {
  if (!isInstalled('python3')) return 'needs Python'
  try {
    if (!existsSync(interpreter)) await run(['python3', '-m', 'venv', 'target'], folder)
    const pip = [interpreter, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await run([...pip, '-r', 'requirements.txt'], folder)
    return undefined
  } catch (error) {
    return String(error)
  }
}
