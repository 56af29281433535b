/**
 * Share consumers of Apache Kafka, and its tools for share groups, against the built package: `npm run test:java`. With
 * BOOTSTRAP_SERVERS they run against what is there, as test/kafka does with a real Kafka: what they expect is what that does.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { after, before, test } from 'node:test'
import { Broker } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'

const libs = path.join(import.meta.dirname, 'target', 'libs', '*')
const sources = ['Main', 'Scene', 'Acknowledgement', 'Delivery', 'Subscription', 'Administration', 'Tools']
const errors = []
let classes
let broker
let address = process.env.BOOTSTRAP_SERVERS

before(async () => {
  classes = mkdtempSync(path.join(tmpdir(), 'brokerlet-share-'))
  const files = sources.map(name => path.join(import.meta.dirname, 'share', `${name}.java`))
  const { status, stderr } = spawnSync('javac', ['-cp', libs, '-d', classes, ...files], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  if (address !== undefined) return
  broker = new Broker()
  broker.on('error', error => errors.push(error))
  const times = { shareHeartbeatIntervalMs: 100, shareRecordLockDurationMs: 1000 }
  ;({ address } = await serve(broker, times))
})

after(async () => {
  rmSync(classes, { recursive: true })
  await broker?.close()
  assert.deepEqual(errors, [])
})

test('share consumers and their administrators find what they find at a real Kafka', async t => {
  const program = ['-XX:TieredStopAtLevel=1', '-cp', `${classes}${path.delimiter}${libs}`, 'Main', address]
  const child = spawn('java', program, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 180_000 })
  let count = 0
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const [outcome, , sentence, trace] = line.split('\t')
    if (sentence === undefined) continue
    count++
    await t.test(sentence, () => assert.equal(outcome, 'ok', trace.replaceAll('\\n', '\n')))
  }
  assert.ok(count > 40, `only ${count} scenarios have been run`)
})
