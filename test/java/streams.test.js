/**
 * Kafka Streams applications, their administrators and their tools, against the built package: `npm run test:java`. With
 * BOOTSTRAP_SERVERS they run against what is there, as test/kafka does with a real Kafka: what they expect is what that does.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { after, before, test } from 'node:test'
import { Broker } from '../../dist/index.js'
import { serve } from '../../dist/server/index.js'

const libs = path.join(import.meta.dirname, 'target', 'libs', '*')
const sources = path.join(import.meta.dirname, 'streams')
const errors = []
let classes
let broker
let address = process.env.BOOTSTRAP_SERVERS

before(async () => {
  classes = mkdtempSync(path.join(tmpdir(), 'brokerlet-streams-'))
  const files = readdirSync(sources).map(name => path.join(sources, name))
  const { status, stderr } = spawnSync('javac', ['-cp', libs, '-d', classes, ...files], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  if (address !== undefined) return
  broker = new Broker()
  broker.on('error', error => errors.push(error))
  ;({ address } = await serve(broker, { streamsHeartbeatIntervalMs: 100, streamsSessionTimeoutMs: 2000 }))
})

after(async () => {
  rmSync(classes, { recursive: true })
  await broker?.close()
  assert.deepEqual(errors, [])
})

// Whose leader's client deals the tasks out, and whose broker does.
for (const protocol of ['classic', 'streams']) {
  test(`Kafka Streams applications of ${protocol} groups find what they find at a real Kafka`, async t => {
    const classPath = `${classes}${path.delimiter}${libs}`
    const program = ['-XX:TieredStopAtLevel=1', '-Xmx1g', '-cp', classPath, 'Main', address, protocol]
    // What Streams logs of errors that are wanted here would only bury the others.
    const child = spawn('java', program, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 300_000 })
    let count = 0
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const [outcome, , sentence, trace] = line.split('\t')
      if (sentence === undefined) continue
      count++
      await t.test(sentence, () => assert.equal(outcome, 'ok', trace.replaceAll('\\n', '\n')))
    }
    assert.ok(count > 60, `only ${count} scenarios have been run`)
  })
}
