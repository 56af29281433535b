import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { run } from './wire/program.ts'

const folder = import.meta.dirname

/**
 * Whether the packages of this folder are installed as its lock file says: clients of servers, and those for the chart.
 */
export function arePackagesInstalled(): boolean {
  // npm writes its own copy of the lock file last.
  const installed = path.join(folder, 'node_modules', '.package-lock.json')
  const wanted = path.join(folder, 'package-lock.json')
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs
}

/** Installs the packages; resolves with the reason where it cannot, or undefined. */
export async function installPackages(): Promise<string | undefined> {
  if (arePackagesInstalled()) return undefined
  try {
    await run(['npm', 'ci', '--silent', '--engine-strict=false'], folder)
    return undefined
  } catch (error) {
    return String(error)
  }
}
