import ts from 'typescript'
import { expect, it } from 'vitest'
import { type Declared, declaredTypes, isGiven } from './given.ts'

// Besides what users give: what they listen to, and what they look into.
const told = new Set(['BrokerEvents', 'ConsumerEvents', 'ErrorFields', 'ManualAssignment'])

/** The sentences that stand before a declaration, in one line. */
function comment(node: ts.Node, source: ts.SourceFile): string {
  const text = node.getFullText(source).slice(0, node.getStart(source) - node.pos)
  return text.replaceAll(/\s*\n\s*\*?\s*/g, ' ')
}

function described({ name, file, node, source }: Declared) {
  const members = ts.isInterfaceDeclaration(node) ? node.members : []
  return members.map(member => ({
    what: `${name}.${member.name?.getText(source)} (src/${file})`,
    name: member.name?.getText(source) ?? '',
    said: comment(member, source),
    above: comment(node, source),
  }))
}

const members = [...declaredTypes(name => isGiven(name) || told.has(name))].flatMap(described)

it('every option, event and field of an error says what it is', () => {
  expect(members.filter(({ said }) => !said.includes('/**')).map(({ what }) => what)).toEqual([])
  expect(members.length).toBeGreaterThan(200)
})

it('every option that is a duration says its unit, itself or for all of its kind', () => {
  const durations = members.filter(({ name }) => name.endsWith('Ms'))
  const unclear = durations.filter(({ said, above }) => !/millisecond/i.test(said + above))
  expect(unclear.map(({ what }) => what)).toEqual([])
  expect(durations.length).toBeGreaterThan(30)
})

it('every option that is a number says its default, or that it has none', () => {
  const numbers = members.filter(({ name }) => /(Ms|Bytes|Records)$/.test(name))
  const unclear = numbers.filter(({ said }) => !/default/i.test(said))
  expect(unclear.map(({ what }) => what)).toEqual([])
})
