import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '../..')
const peer = path.join(import.meta.dirname, 'peer.ts')

/** What an example prints that needs the optional peer; rejects where it fails. */
export async function runWithPeer(file: string, ...args: readonly string[]): Promise<string> {
  const options = ['--import', 'tsx', '--import', peer, file, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: root })
  return stdout
}
