/**
 * Records what real clients and a real Apache Kafka say to each other: `npm run golden`, or `npm run golden -- kafkajs` for
 * one client only. Needs Java, Maven, Go, Python and the network; what it writes is committed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { kafkaVersion, startRealKafka } from '../kafka/real-kafka.ts'
import { coverageOf } from './coverage.ts'
import { readGoldenFrames, writeGoldenFrames } from './golden-frames.ts'
import { type Exchange, RecordingProxy } from './recording-proxy.ts'
import { worthKeeping } from './worth-keeping.ts'

const root = path.resolve(import.meta.dirname, '../..')
const scenarios = path.join(import.meta.dirname, 'scenarios')
const records = path.join(import.meta.dirname, 'records.json')
const libs = path.join(root, 'test/java/target/libs', '*')
const venv = path.join(root, 'test/golden/target/venv')

interface Client {
  readonly name: string
  /** Commands before the scenario. */
  readonly prepare?: readonly (readonly string[])[]
  readonly run: readonly string[]
  readonly cwd?: string
}

const clients: readonly Client[] = [
  { name: 'kafkajs', run: ['npx', 'tsx', path.join(scenarios, 'kafkajs.ts')] },
  {
    name: 'platformatic',
    prepare: [
      ['npm', '--prefix', path.join(root, 'test/clients/platformatic'), 'ci', '--engine-strict=false'],
    ],
    run: ['node', path.join(scenarios, 'platformatic.js')],
  },
  { name: 'java', run: ['java', '-cp', libs, path.join(scenarios, 'Golden.java')] },
  {
    name: 'librdkafka',
    prepare: [
      ['python3', '-m', 'venv', venv],
      [path.join(venv, 'bin/pip'), 'install', '--quiet', 'confluent-kafka==2.16.1'],
    ],
    run: [path.join(venv, 'bin/python'), path.join(scenarios, 'librdkafka.py')],
  },
  { name: 'franz-go', run: ['go', 'run', '.'], cwd: path.join(scenarios, 'franz-go') },
]

// What Kafka says to itself, of the ends of transactions, goes to its advertised port, too.
const isOfScenario = ({ request }: Exchange) => request.toString('utf8', 10, 16) === 'golden'

async function run(command: readonly string[], cwd = root): Promise<string> {
  const [program, ...args] = command
  const child = spawn(program!, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}`)
  return output
}

const proxy = await RecordingProxy.listen()
const saslProxy = await RecordingProxy.listen()
const kafka = await startRealKafka({
  advertisedPort: proxy.port,
  sasl: { users: { ada: 'secret' }, advertisedPort: saslProxy.port },
})
proxy.forwardTo(kafka.port)
saslProxy.forwardTo(kafka.saslPort)

try {
  const named = process.argv.slice(2)
  for (const { name, prepare = [], run: command, cwd } of clients) {
    if (named.length > 0 && !named.includes(name)) continue
    for (const each of prepare) await run(each)
    const output = await run([...command, proxy.address, saslProxy.address, records], cwd)
    const recorded = [...proxy.take(), ...saslProxy.take()].filter(isOfScenario)
    const exchanges = worthKeeping(recorded)
    writeGoldenFrames(name, { client: output.split('\n')[0]!, kafka: kafkaVersion, exchanges })
    console.log(`${name}: ${exchanges.length} of ${recorded.length} exchanges kept`)
  }
} finally {
  await kafka.close()
  proxy.close()
  saslProxy.close()
}

const { covered, total, missing, notSpoken } = coverageOf(readGoldenFrames())
console.log(`${covered} of the ${total} versions that are spoken here are recorded`)
console.log(`spoken and not recorded: ${missing.join(', ')}`)
console.log(`recorded and not spoken (API:versions): ${notSpoken.join(' ')}`)
