/** What the pages show as code fits the types of the package. */
import { expect, it } from 'vitest'
import { exported } from './exported.ts'
import { Page, toProgram } from './page.ts'
import { mistakesIn } from './snippet-types.ts'
import { written } from './written.ts'

const specifiers = new Map(
  [...exported].toReversed().flatMap(([specifier, names]) => names.map(name => [name, specifier] as const)),
)

it('the snippets of the pages compile', () => {
  const snippets = written.flatMap(file =>
    new Page(file).snippets
      .filter(({ language }) => language === 'ts')
      .map(snippet => [`${file}:${snippet.line}.ts`, toProgram(snippet)] as const),
  )
  expect(mistakesIn(new Map(snippets), specifiers)).toEqual([])
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
