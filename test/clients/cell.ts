import { fileURLToPath } from 'node:url'
import type { Client } from './client.ts'
import { crashed, notDone, run } from './program.ts'
import { type CellBroker, certificate, credentials, type Scenario, type Told } from './scenarios.ts'
import { Tap } from './sent-compression.ts'

/** `missing`: the client has not got it. */
export type Outcome = 'ok' | 'failed' | 'missing'

/** What was measured of one client and one scenario. */
export interface Cell {
  readonly outcome: Outcome
  /** How long the client took, without the start of its process. */
  readonly ms?: number
  /** Why it failed, or what the client has not got. */
  readonly reason?: string
}

/**
 * Measures a cell; anew where the client is known to hang, and once where it crashed: whatever a broker answers, the
 * native parts of a client must not crash (node-rdkafka does so in one process of some hundreds).
 */
export async function measure(client: Client, scenario: Scenario): Promise<Cell> {
  const { hangs = 0 } = client
  let cell = await attempt(client, scenario)
  if (cell.reason?.startsWith(crashed)) {
    console.log(`${client.name} | ${scenario.title} | once more: ${cell.reason}`)
    cell = await attempt(client, scenario)
  }
  for (let again = 0; again < hangs && cell.reason?.startsWith(notDone); again++) {
    cell = await attempt(client, scenario)
  }
  return cell
}

/** Serves a broker of its own and lets the client's driver do what the scenario says. */
async function attempt(client: Client, scenario: Scenario): Promise<Cell> {
  const { action, argument = '', partitions = 3 } = scenario
  // Only now: who asks how the program is used need not build the package.
  const { Broker, RequestLog, serve, string, topic } = await import('./package-under-test.ts')
  const broker: CellBroker = new Broker({
    topics: {
      orders: topic<string>({ partitions, codec: string, retentionMs: 604_800_000 }),
      payments: topic<string>({ codec: string }),
    },
  })
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const requests = new RequestLog()
  const tap = scenario.taps ? new Tap() : undefined
  try {
    await scenario.prepare?.(broker)
    const server = await serve(broker, { requests, ...scenario.serve })
    const driver = drive(client, [server.address, action, argument])
    const [told, besides = {}] = await Promise.all([
      driver,
      Promise.race([driver.then(() => ({})), scenario.beside?.(broker)]),
    ])
    if (typeof told.missing === 'string') return { outcome: 'missing', reason: told.missing }
    if (typeof told.failed === 'string') return { outcome: 'failed', reason: told.failed }
    await scenario.verify(
      { ...besides, ...told },
      {
        broker,
        requests,
        compression: () => tap?.compression(server.port) ?? [],
      },
    )
    if (errors.length > 0) throw errors[0]
    return { outcome: 'ok', ms: Math.round(told.ms) }
  } catch (error) {
    return failed(error)
  } finally {
    tap?.stop()
    await broker.close()
  }
}

/** Runs a driver; gives the last line that it printed. */
export async function drive({ command, folder }: Client, args: readonly string[]): Promise<Told> {
  const printed = await run([...command, ...args], {
    cwd: folder,
    timeoutMs: 20_000,
    env: {
      TLS_CA: fileURLToPath(certificate),
      SASL_USER: credentials.user,
      SASL_PASSWORD: credentials.password,
    },
  })
  return JSON.parse(printed.trim().split('\n').at(-1)!)
}

export const failed = (error: unknown): Cell => ({
  outcome: 'failed',
  reason: error instanceof Error ? error.message : String(error),
})
