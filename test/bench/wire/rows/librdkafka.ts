import { run, time } from '../program.ts'
import { installPython, python } from '../python.ts'
import { fill, newName, partitions, scaled, writeLines } from '../records.ts'
import type { Row } from '../row.ts'
import { isInstalled, type Server } from '../server.ts'
import { fillLittle } from './kafkajs.ts'

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
  const topic = newName(`librdkafka-consume-${name}`)
  const filled = new Map<Server, number>()
  return {
    name: `librdkafka-consume-${name}`,
    what: `kcat consumes records of ${recordBytes} bytes, its start and end included`,
    unit: 'records/s',
    recordBytes,
    targets,
    install,
    async prepare(server, scale) {
      filled.set(server, await fill(server, topic, recordBytes, scale))
    },
    tidy: server => server.deleteTopic(topic),
    async measure(server) {
      const count = filled.get(server)!
      const ms = await kcat(server, topic, '-C', '-q', '-o', 'beginning', '-c', String(count))
      return (count / ms) * 1000
    },
  }
}

const started = newName('librdkafka-start')

const start: Row = {
  name: 'kip848-start',
  what: "from a fresh KIP-848 group's start, its connection included, to its first record (librdkafka, from Python)",
  unit: 'ms',
  limit: 100,
  install: installPython,
  prepare: (server, scale) => fillLittle(server, started, scale),
  tidy: server => server.deleteTopic(started),
  async measure(server) {
    return Number(await run(python('first_record.py', server.address, started, newName('group'))))
  },
}

export const librdkafkaRows: readonly Row[] = [
  produce('100', 100, 500_000),
  produce('1024', 1024, 100_000),
  consume('100', 100),
  consume('1024', 1024),
  start,
]
