import { spawnSync } from 'node:child_process'
import { fill, plenty } from '../records.ts'
import type { Row } from '../row.ts'

const recordBytes = 1024

export const memory: Row = {
  name: 'memory',
  what: `what a server's process grows by, for each byte of the ${recordBytes} byte values that it retains`,
  unit: 'bytes/byte',
  fresh: true,
  without: { kafka: 'keeps its records on disk' },
  async measure(server, scale) {
    const contents = plenty(recordBytes, scale)
    const warmUp = await fill(server, { ...contents, batches: 1 })
    await server.deleteTopic(warmUp.topic)
    const before = residentBytes(server.pid)
    const { records } = await fill(server, contents)
    return (residentBytes(server.pid) - before) / (records * recordBytes)
  },
}

function residentBytes(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Number(stdout) * 1024
}
