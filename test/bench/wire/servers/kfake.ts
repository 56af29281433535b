import path from 'node:path'
import { run, serve } from '../program.ts'
import { isInstalled, type ServerKind, withAdmin } from '../server.ts'

const folder = path.resolve(import.meta.dirname, '../kfake')

/** franz-go's fake cluster, of one broker. */
export const kfake: ServerKind = {
  name: 'kfake',
  async install() {
    if (!isInstalled('go')) return 'needs Go'
    try {
      await run(['go', 'build', '-o', 'target/', '.'], folder)
      return undefined
    } catch (error) {
      return String(error)
    }
  },
  async start() {
    const { greeting, pid, close } = await serve([path.join(folder, 'target/kfake')])
    const [address, version] = greeting.split(' ')
    return withAdmin({ address: address!, version: version!, pid, close })
  },
}
