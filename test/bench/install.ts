import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { run } from './wire/program.ts'

const folder = import.meta.dirname

/** Whether the packages of this folder are there as its lock file has them: clients of servers, and what draws. */
export function arePackagesInstalled(): boolean {
  // npm writes its own copy of the lock file last.
  const installed = path.join(folder, 'node_modules', '.package-lock.json')
  const wanted = path.join(folder, 'package-lock.json')
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs
}

/** Installs them; gives why that cannot be, or undefined. */
export async function installPackages(): Promise<string | undefined> {
  if (arePackagesInstalled()) return undefined
  try {
    await run(['npm', 'ci', '--silent', '--engine-strict=false'], folder)
    return undefined
  } catch (error) {
    return String(error)
  }
}
