import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'

const folder = import.meta.dirname
const served = path.join(folder, '..', '..', '..', 'dist', 'server', 'index.js')
const jars = path.join(folder, 'target', 'libs')
const classPath = path.join(jars, '*')

/** Apache Kafka's own tests, as they are published; `src` has what starts the clusters of their kits, in Apache's place. */
export class ApacheTests {
  #classes = mkdtempSync(path.join(tmpdir(), 'brokerlet-apache-'))
  #leftOutFile
  #leftOut

  /** `leftOut` is the list of those that cannot pass. */
  constructor({ leftOut = 'left-out.txt' } = {}) {
    assert.ok(existsSync(served), 'they are run against the built package: npm run build')
    this.#leftOutFile = path.join(folder, leftOut)
    this.#leftOut = new LeftOut(this.#leftOutFile)
    this.#compile('javac', [], 'src', classPath)
    cpSync(path.join(folder, 'src', 'META-INF'), path.join(this.#classes, 'META-INF'), { recursive: true })
  }

  /** Compiles the harness of the tests that are written in Scala, which takes its time. */
  withHarness() {
    const compiler = ['-XX:TieredStopAtLevel=1', '-cp', classPath, 'scala.tools.nsc.Main', '-nowarn']
    const known = readdirSync(jars).map(name => path.join(jars, name))
    this.#compile('java', compiler, 'harness', [this.#classes, ...known].join(path.delimiter))
    return this
  }

  #compile(program, args, sources, knows) {
    const files = readdirSync(path.join(folder, sources), { recursive: true })
      .filter(name => name.endsWith('.java') || name.endsWith('.scala'))
      .map(name => path.join(folder, sources, name))
    const all = [...args, '-cp', knows, '-d', this.#classes, ...files]
    const { status, stdout, stderr } = spawnSync(program, all, { encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  }

  /** Narrows a pattern of the names of classes to those that are not left out as a whole. */
  without(classes) {
    const names = this.#leftOut.classes.map(name => name.replaceAll('.', '\\.'))
    return `(?!(?:${names.join('|')})$)${classes}`
  }

  /**
   * Runs those of some jars, each as a test within `t`: those that ask for a cluster by an annotation (`kind` is 'cluster'), or
   * those that bring their 'own', by a kit or a harness. `classes` is a pattern of their classes' names, `timeoutMs` is for a
   * test that says nothing of its own, `heap` is what Java gets. `atLeast` guards against a run in which nothing happens.
   * What comes out as it should not is run once more, and the second time counts, as in Apache's own builds: many of these
   * tests wait for a moment in real time.
   */
  async run(t, { kind, from, classes = '.*', timeoutMs = 120_000, heap = '512m', atLeast }) {
    const roots = readdirSync(jars)
      .filter(name => from.some(each => name.startsWith(`${each}-`) && name.endsWith('-test.jar')))
      .map(name => path.join(jars, name))
    const java = { timeoutMs, heap }
    const surprises = new Set()
    let count = 0
    for await (const each of this.#outcomes(kind, classes, roots, java)) {
      count++
      if (this.#isExpected(each)) await this.#report(t, each)
      else surprises.add(each.name)
    }
    if (surprises.size > 0) {
      const again = new Set([...surprises].map(name => name.split('#')[0]))
      const pattern = [...again].map(name => name.replaceAll(/[.$]/g, String.raw`\$&`)).join('|')
      for await (const each of this.#outcomes(kind, pattern, roots, java)) {
        if (surprises.delete(each.name)) await this.#report(t, each)
      }
      assert.deepEqual([...surprises], [], 'these were not run again')
    }
    assert.ok(count > atLeast, `only ${count} tests have been run`)
  }

  /** The names in the list of those that cannot pass, which no test has any more. */
  get goneNames() {
    const program = ['-cp', this.#classPath, 'brokerlet.LeftOutNames', this.#leftOutFile]
    const { status, stdout, stderr } = spawnSync('java', program, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout.split('\n').filter(line => line !== '')
  }

  get #classPath() {
    return `${this.#classes}${path.delimiter}${classPath}`
  }

  async *#outcomes(kind, classes, roots, { timeoutMs, heap }) {
    const program = [
      ...[`-Xmx${heap}`, '-XX:TieredStopAtLevel=1', '-XX:+EnableDynamicAgentLoading', '-Xshare:off'],
      ...[`-Dlog4j2.configurationFile=${path.join(folder, 'log4j2.xml')}`],
      `-Djunit.jupiter.execution.timeout.testable.method.default=${timeoutMs}ms`,
      ...['-Djunit.jupiter.execution.timeout.thread.mode.default=SEPARATE_THREAD'],
      `-Dbrokerlet.cluster=${path.join(folder, 'cluster.js')}`,
      `-Dbrokerlet.leftOut=${this.#leftOutFile}`,
      ...['-cp', this.#classPath, 'brokerlet.Main', kind, classes, ...roots],
    ]
    // It ends when its input does, so with this process.
    const child = spawn('java', program, { stdio: ['pipe', 'pipe', 'ignore'] })
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const [outcome, name, , why] = line.split('\t')
      if (['ok', 'failed', 'skipped'].includes(outcome) && why !== undefined) yield { outcome, name, why }
    }
  }

  #isExpected({ outcome, name }) {
    return this.#leftOut.mayPass(name) || (outcome === 'ok') === (this.#leftOut.reasonFor(name) === undefined)
  }

  async #report(t, { outcome, name, why }) {
    const reason = this.#leftOut.reasonFor(name)
    if (reason !== undefined && outcome !== 'ok') return t.test(name, { skip: reason })
    return t.test(name, () => {
      assert.equal(outcome, 'ok', why.replaceAll('\\n', '\n'))
      const known = reason !== undefined && !this.#leftOut.mayPass(name)
      assert.ok(!known, `it passes: take it off ${path.basename(this.#leftOutFile)}`)
    })
  }

  dispose() {
    rmSync(this.#classes, { recursive: true, force: true })
  }
}

/**
 * The tests that cannot pass here: below each reason, which begins with #, the classes and `class#method`s that it is for.
 * One with a question mark behind it is a race, and passes at times.
 */
class LeftOut {
  #reasons = new Map()
  #races = new Set()

  constructor(file) {
    let reason = ''
    let named = true
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (line === '') {
        named = true
        continue
      }
      if (line.startsWith('#')) {
        reason = named ? line.slice(1).trim() : `${reason} ${line.slice(1).trim()}`
        named = false
        continue
      }
      const name = line.replace(/\?$/, '')
      assert.ok(!this.#reasons.has(name), `${path.basename(file)} names ${name} twice`)
      this.#reasons.set(name, reason)
      if (name !== line) this.#races.add(name)
      named = true
    }
  }

  /** Those that are left out as a whole. */
  get classes() {
    return [...this.#reasons.keys()].filter(name => !name.includes('#'))
  }

  /** Undefined if it has to pass. */
  reasonFor(name) {
    return this.#reasons.get(name) ?? this.#reasons.get(name.split('#')[0])
  }

  mayPass(name) {
    return this.#races.has(name)
  }
}
