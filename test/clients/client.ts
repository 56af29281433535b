import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { run } from './program.ts'

/** What several clients may share: a folder, and how it gets what it needs. */
export interface Installation {
  readonly folder: string
  /** Programs without which its clients are skipped. */
  readonly needs: readonly string[]
  readonly commands: readonly (readonly string[])[]
}

export interface Client {
  readonly name: string
  readonly installation: Installation
  readonly folder: string
  /** Starts its driver; the address, the action and its argument follow. */
  readonly command: readonly string[]
  /** How often a scenario that is not done in time is begun anew: for a client that is shown to hang by itself. */
  readonly hangs?: number
  /** Its example in the docs, as a command that fails when the example does. */
  readonly example?: readonly string[]
}

const folderOf = (name: string) => path.join(import.meta.dirname, name)

// What the examples import is the built package of this repository.
const linkPackage = ['node', '-e', "fs.symlinkSync('../../../..', 'node_modules/brokerlet')"]

const npm = (
  folder: string,
  command: readonly string[] = ['npm', 'ci', '--silent', '--engine-strict=false'],
): Installation => ({
  folder: folderOf(folder),
  needs: ['npm'],
  commands: [command, linkPackage],
})

const python: Installation = {
  folder: folderOf('python'),
  needs: ['python3'],
  commands: [
    ['python3', '-m', 'venv', 'target'],
    ['target/bin/pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
  ],
}

const go: Installation = {
  folder: folderOf('go'),
  needs: ['go'],
  commands: [['go', 'build', '-o', 'target/', './franz', './sarama', './segmentio']],
}

// It is linked with the librdkafka that its module has, so that it needs a compiler of C, which the others do not.
const goConfluent: Installation = {
  folder: folderOf('go'),
  needs: ['go', 'gcc'],
  commands: [['go', 'build', '-o', 'target/', './confluent']],
}

const java: Installation = {
  folder: folderOf('java'),
  needs: ['java', 'javac', 'mvn'],
  commands: [
    ['mvn', '-q', 'dependency:copy-dependencies', '-DoutputDirectory=target/libs'],
    ['javac', '-cp', 'target/libs/*', '-d', 'target/classes', 'Driver.java'],
  ],
}

const kcat: Installation = { folder: folderOf('kcat'), needs: ['kcat'], commands: [] }

type Rest = Pick<Client, 'command' | 'example' | 'hangs'>
const client = (name: string, installation: Installation, rest: Rest): Client => ({
  name,
  installation,
  folder: installation.folder,
  ...rest,
})

/** The columns of the matrix. */
export const clients: readonly Client[] = [
  client('KafkaJS', npm('kafkajs'), { command: ['node', 'driver.js'] }),
  client('@platformatic/kafka', npm('platformatic'), {
    command: ['node', 'driver.js'],
    example: ['node', '--test', 'example.test.js'],
  }),
  client('@confluentinc/kafka-javascript', npm('confluent', ['./install.sh']), {
    command: ['node', 'driver.js'],
    example: ['node', '--test', 'example.test.js'],
  }),
  client('node-rdkafka', npm('node-rdkafka', ['./install.sh']), { command: ['node', 'driver.js'] }),
  client('confluent-kafka (Python)', python, {
    command: ['target/bin/python', 'confluent_driver.py'],
    example: ['target/bin/python', '-m', 'unittest', '-q', 'example_test.py'],
  }),
  client('kafka-python', python, {
    command: ['target/bin/python', 'kafka_python_driver.py'],
    // Its 3.0.12 loses a wake-up of its own event loop on a busy machine: poll() waits for a task that its thread for input
    // and output, asleep in select(), does not see.
    hangs: 3,
  }),
  client('aiokafka', python, { command: ['target/bin/python', 'aiokafka_driver.py'] }),
  client('kcat', kcat, { command: ['node', 'driver.js'] }),
  client('franz-go', go, { command: ['target/franz'] }),
  client('Sarama', go, { command: ['target/sarama'] }),
  client('kafka-go', go, { command: ['target/segmentio'] }),
  client('confluent-kafka-go', goConfluent, { command: ['target/confluent'] }),
  client('Java', java, {
    command: [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      'target/classes:target/libs/*',
      'Driver',
    ],
  }),
]

const isInstalled = (program: string) => spawnSync('which', [program]).status === 0

/** Gives why its clients cannot be run, or undefined. */
export async function install({ folder, needs, commands }: Installation): Promise<string | undefined> {
  const absent = needs.filter(program => !isInstalled(program))
  if (absent.length > 0) return `${absent.join(' and ')} not installed`
  for (const command of commands) {
    try {
      await run(command, { cwd: folder, timeoutMs: 600_000 })
    } catch (error) {
      return `\`${command.join(' ')}\` failed: ${describe(error)}`
    }
  }
  return undefined
}

function describe(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split('\n')
    .slice(-4)
    .join(' ')
}
