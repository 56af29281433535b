import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'

const libs = path.join(import.meta.dirname, 'target', 'libs', '*')

/** The scenarios of a folder beside this file, compiled with what all folders share. */
export class Scenarios {
  #classes

  constructor(folder) {
    this.#classes = mkdtempSync(path.join(tmpdir(), `brokerlet-${folder}-`))
    const files = ['common', folder].flatMap(each => {
      const sources = path.join(import.meta.dirname, each)
      return readdirSync(sources).map(name => path.join(sources, name))
    })
    const args = ['-cp', libs, '-d', this.#classes, ...files]
    const { status, stderr } = spawnSync('javac', args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }

  /** Runs them, each as a test within `t`; `atLeast` guards against a run in which nothing happens. */
  async play(t, { args, options = [], stderr, timeout, atLeast }) {
    const classPath = `${this.#classes}${path.delimiter}${libs}`
    const program = ['-XX:TieredStopAtLevel=1', ...options, '-cp', classPath, 'Main', ...args]
    const child = spawn('java', program, { stdio: ['ignore', 'pipe', stderr], timeout })
    let count = 0
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const [outcome, , sentence, trace] = line.split('\t')
      if (sentence === undefined) continue
      count++
      await t.test(sentence, () => assert.equal(outcome, 'ok', trace.replaceAll('\\n', '\n')))
    }
    assert.ok(count > atLeast, `only ${count} scenarios have been run`)
  }

  dispose() {
    rmSync(this.#classes, { recursive: true })
  }
}
