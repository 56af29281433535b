import { Broker, topic } from '../../src/index.ts'
import { ProtocolError } from '../../src/server/protocol/protocol-error.ts'
import { CommandLine } from '../helpers/command-line.ts'
import { sendHostileFrames } from './hostile-frames.ts'

const usage = `Sends damaged frames to one server.

  npm run fuzz -- [--frames 1000000] [--seed 1]    by default 100,000`

const command = new CommandLine(usage, { frames: { type: 'string' }, seed: { type: 'string' } })
const total = command.count('frames', 1, 100_000)
const firstSeed = command.count('seed', 0, 1)

const perRound = 10_000
const broker = new Broker({ topics: { orders: topic({ partitions: 1 }) } }) as unknown as Broker
let refused = 0
broker.on('recordsDropped', () => {})
broker.on('error', error => {
  refused++
  // A frame that cannot be read is refused; anything else is a bug of the server.
  if (!(error instanceof ProtocolError)) throw error
})
function heap(): string {
  globalThis.gc?.()
  return (process.memoryUsage().heapUsed / 1e6).toFixed(1)
}

const began = performance.now()
let told = began

for (let sent = 0; sent < total; sent += perRound) {
  await sendHostileFrames(broker, Math.min(perRound, total - sent), firstSeed + sent)
  const done = Math.min(sent + perRound, total)
  const now = performance.now()
  if (now - told < 10_000 && done < total) continue
  told = now
  const rate = Math.round((done / (now - began)) * 1000)
  console.log(
    `${done} frames, ${rate} frames/s, ${refused} refused with their connections, heap ${heap()} MB`,
  )
}

// What they made is data as any other: some damaged requests are good ones, for a topic of many partitions.
const { topics, groups } = broker
let partitions = 0
for (const each of topics.values()) partitions += each.partitionCount
console.log(`They made ${topics.size} topics of ${partitions} partitions, and ${groups.size} groups.`)
for (const name of [...topics.keys()]) broker.deleteTopic(name)
// A member of the last frames stays until its session is over.
for (const { id, state } of [...groups.values()]) if (state === 'Empty') broker.deleteGroup(id)
console.log(`Without these the heap is ${heap()} MB.`)
await broker.close()
