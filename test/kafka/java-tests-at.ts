import { spawn } from 'node:child_process'
import path from 'node:path'

/**
 * Runs a test file of test/java against a broker of its own.
 *
 * @throws an error with what the tests printed, where one fails
 */
export async function javaTestsAt(address: string, file: string): Promise<void> {
  const child = spawn(process.execPath, ['--test', path.resolve(import.meta.dirname, '../java', file)], {
    env: { ...process.env, BOOTSTRAP_SERVERS: address },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (status !== 0) throw new Error(`${file} ended with ${status}:\n${printed}`)
}
