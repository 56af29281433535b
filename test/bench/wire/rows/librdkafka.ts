import { run, time } from '../program.ts'
import { installPython, python } from '../python.ts'
import { filledTopic, little, newName, partitions, plenty, scaled, writeLines } from '../records.ts'
import type { Row } from '../row.ts'
import { isInstalled, type Server } from '../server.ts'

const targets = { mock: 0.8, kafka: 1 }

const kcat = (server: Server, topic: string, ...args: readonly string[]) =>
  time(['kcat', '-b', server.address, '-t', topic, ...args])

async function install(): Promise<string | undefined> {
  return isInstalled('kcat') ? undefined : 'needs kcat'
}

function produce(name: string, recordBytes: number, records: number): Row {
  let lines: string | undefined
  return {
    name: `librdkafka-produce-${name}`,
    what: `kcat produces records of ${recordBytes} bytes from a file, its start and end included`,
    unit: 'records/s',
    recordBytes,
    targets,
    install,
    async measure(server, scale) {
      const topic = newName('produce')
      await server.createTopic(topic, partitions)
      const count = scaled(records, scale)
      lines ??= writeLines(recordBytes, count)
      const ms = await kcat(server, topic, '-P', '-l', lines)
      await server.deleteTopic(topic)
      return (count / ms) * 1000
    },
  }
}

function consume(name: string, recordBytes: number): Row {
  return {
    name: `librdkafka-consume-${name}`,
    what: `kcat consumes records of ${recordBytes} bytes, its start and end included`,
    unit: 'records/s',
    recordBytes,
    targets,
    install,
    async measure(server, scale) {
      const { topic, records } = await filledTopic(server, plenty(recordBytes, scale))
      const ms = await kcat(server, topic, '-C', '-q', '-o', 'beginning', '-c', String(records))
      return (records / ms) * 1000
    },
  }
}

// No target, since the client itself waits 100 to 150 ms on any server.
const start: Row = {
  name: 'librdkafka-start',
  what: "from a fresh KIP-848 group's start to its first record in librdkafka (Python)",
  unit: 'ms',
  install: installPython,
  async measure(server) {
    const { topic } = await filledTopic(server, little)
    return Number(await run(python('first_record.py', server.address, topic, newName('group'))))
  },
}

export const librdkafkaRows: readonly Row[] = [
  produce('100', 100, 500_000),
  produce('1024', 1024, 100_000),
  consume('100', 100),
  consume('1024', 1024),
  start,
]
