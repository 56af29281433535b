import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { serve } from '../program.ts'
import { type ServerKind, withAdmin } from '../server.ts'

const root = path.resolve(import.meta.dirname, '../../../..')
const command = path.join(root, 'dist/cli/main.js')

/** The command of the built package. It keeps all that it gets, as its peers do. */
export const brokerlet: ServerKind = {
  name: 'brokerlet',
  async install() {
    return existsSync(command) ? undefined : 'needs `npm run build`'
  },
  async start() {
    const program = await serve([
      process.execPath,
      command,
      '--port',
      '0',
      '--quiet',
      '--max-records',
      '1000000000',
    ])
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
    const { greeting: address, pid, close } = program
    return withAdmin({ address, version, pid, close })
  },
}
