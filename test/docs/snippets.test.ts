/** What the pages show as code fits the types of the package. */
import { expect, it } from 'vitest'
import { exported } from './exported.ts'
import { Page, toProgram } from './page.ts'
import { mistakesIn } from './snippet-types.ts'
import { markdownBelow, written } from './written.ts'

const specifiers = new Map(
  [...exported].toReversed().flatMap(([specifier, names]) => names.map(name => [name, specifier] as const)),
)

function snippetsOf(files: readonly string[], heading?: string): Map<string, string> {
  const snippets = files.flatMap(file =>
    new Page(file).snippets
      .filter(each => each.language === 'ts' && (heading === undefined || each.heading === heading))
      .map(snippet => [`${file}:${snippet.line}.ts`, toProgram(snippet)] as const),
  )
  return new Map(snippets)
}

// What checks the types of a hundred pages takes its time on a busy machine.
const slow = { timeout: 120_000 }

it('the snippets of the pages compile', slow, () => {
  const snippets = snippetsOf(written)
  expect(snippets.size).toBeGreaterThan(50)
  expect(mistakesIn(snippets, specifiers)).toEqual([])
})

it('the examples of the API reference compile', slow, () => {
  const examples = snippetsOf(markdownBelow('docs/api'), 'Example')
  expect(examples.size).toBeGreaterThan(20)
  expect(mistakesIn(examples, specifiers)).toEqual([])
})

it('a snippet with an option, a method or an argument that there is not does not', () => {
  const wrong = new Map([
    ['option.ts', 'const broker = new Broker({ topics })\nnew Broker({ maxRecord: 5 })'],
    ['method.ts', 'const consumer = broker.comsumer({})'],
    ['argument.ts', "await serve(broker, { port: '9092' })"],
    ['right.ts', 'if (anything.at.all) return consumer.lag() + anything.else'],
  ])
  expect(mistakesIn(wrong, specifiers).map(({ file, line }) => `${file} ${line}`)).toEqual([
    'option.ts 2',
    'method.ts 1',
    'argument.ts 1',
  ])
})
