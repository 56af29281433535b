import { spawnSync } from 'node:child_process'
import { fill, newName } from '../records.ts'
import type { Row } from '../row.ts'

const recordBytes = 1024

export const memory: Row = {
  name: 'memory',
  what: `what a server's process grows by, for each byte of the ${recordBytes} byte values that it retains`,
  unit: 'bytes/byte',
  fresh: true,
  suits: ({ pid }) => pid !== undefined,
  async measure(server, scale) {
    const warmUp = newName('warm-up')
    await fill(server, warmUp, recordBytes, { ...scale, share: scale.share / 20 })
    await server.deleteTopic(warmUp)
    const before = residentBytes(server.pid!)
    const records = await fill(server, newName('retained'), recordBytes, scale)
    return (residentBytes(server.pid!) - before) / (records * recordBytes)
  },
}

function residentBytes(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Number(stdout) * 1024
}
