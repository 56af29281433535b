/** The pages give the defaults that the options themselves have, by their comments. */
import ts from 'typescript'
import { expect, it } from 'vitest'
import { declaredTypes, isGiven } from './given.ts'
import { Page } from './page.ts'
import { written } from './written.ts'

const units: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  KiB: 1024,
  MiB: 1024 * 1024,
}

const quantity = /(?<![\w.-])(-?\d[\d,]*(?:\.\d+)?)(?: (ms|s|minute|hour|day|KiB|MiB)s?\b)?/

/** The numbers of a text, durations in milliseconds and sizes in bytes. */
function quantitiesIn(text: string): number[] {
  return Array.from(
    text.matchAll(new RegExp(quantity, 'g')),
    ([, number, unit = '']) => Number(number!.replaceAll(',', '')) * units[unit]!,
  )
}

/** By the name of an option: its default, or those of all that are called so. */
const defaults = new Map<string, number[]>()
for (const { node, source } of declaredTypes(isGiven)) {
  for (const member of ts.isInterfaceDeclaration(node) ? node.members : []) {
    const name = member.name?.getText(source)
    const comment = member.getFullText(source).slice(0, member.getStart(source) - member.pos)
    const [, said] = /default (?:a )?([^;.]+)/i.exec(comment.replaceAll(/\s+(?:\* )?/g, ' ')) ?? []
    const found = quantitiesIn(said ?? '')
    if (name !== undefined && found.length > 0) defaults.set(name, [...(defaults.get(name) ?? []), ...found])
  }
}

it('the table of limits has the defaults of the options', () => {
  const rows = new Page('docs/limits.md').prose
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.split(' | '))
  const known = rows.flatMap(([, option = '', given = '']) => {
    const own = (option.match(/\w+/g) ?? []).flatMap(name => defaults.get(name) ?? [])
    const shown = quantitiesIn(given)
    return own.length > 0 && shown.length > 0 ? [{ option, given, own, shown }] : []
  })
  expect(known.length).toBeGreaterThan(60)
  expect(known.filter(({ own, shown }) => !shown.some(each => own.includes(each)))).toEqual([])
})

it('a default in parentheses behind an option is its own', () => {
  const shown = written.flatMap(file =>
    Array.from(
      new Page(file).prose.matchAll(new RegExp(`\`(\\w+)\` \\(${quantity.source}`, 'g')),
      ([text, name]) => ({ file, text, name: name!, value: quantitiesIn(text.split('(')[1]!)[0]! }),
    ),
  )
  const known = shown.filter(({ name }) => defaults.has(name))
  expect(known.length).toBeGreaterThan(15)
  expect(known.filter(({ name, value }) => !defaults.get(name)!.includes(value))).toEqual([])
})
