import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { type ErrorCode, retriableCodes } from '../../src/error-codes.ts'
import { type Declared, declaredTypes, isGiven } from './given.ts'
import { root } from './page.ts'

// Besides what users give: what they listen to, and what they look into.
const told = new Set([
  'BrokerDescription',
  'BrokerEvents',
  'ConsumerEvents',
  'ErrorFields',
  'GroupStoppedEvent',
  'GroupSummary',
  'ManualAssignment',
  'MemberDescription',
  'MemberLeftEvent',
  'PartitionSummary',
  'RebalancedEvent',
  'RecordsDroppedEvent',
  'TopicSummary',
  'Unread',
])

/** The sentences that stand before a declaration, in one line. */
function comment(node: ts.Node, source: ts.SourceFile): string {
  const text = node.getFullText(source).slice(0, node.getStart(source) - node.pos)
  return text.replaceAll(/\s*\n\s*\*?\s*/g, ' ')
}

function described({ name, file, node, source }: Declared) {
  const members = ts.isInterfaceDeclaration(node) ? node.members : []
  return members.map(member => ({
    given: isGiven(name),
    what: `${name}.${member.name?.getText(source)} (src/${file})`,
    name: member.name?.getText(source) ?? '',
    said: comment(member, source),
    above: comment(node, source),
  }))
}

const members = [...declaredTypes(name => isGiven(name) || told.has(name))].flatMap(described)

it('every option and event, and every field of an error, an event or a description, says what it is', () => {
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
  const numbers = members.filter(({ given, name }) => given && /(Ms|Bytes|Records)$/.test(name))
  const unclear = numbers.filter(({ said }) => !/default/i.test(said))
  expect(unclear.map(({ what }) => what)).toEqual([])
})

it('every class of errors says its codes, and whether the same call can succeed later', () => {
  const file = readFileSync(path.join(root, 'src', 'errors.ts'), 'utf8')
  const source = ts.createSourceFile('errors.ts', file, ts.ScriptTarget.ESNext, true)
  const classes = source.statements
    .filter(ts.isClassDeclaration)
    .map(node => ({ name: node.name!.text, said: comment(node, source), code: node.getText(source) }))
    .filter(({ name }) => name !== 'BrokerletError')
  const wrong = classes.filter(({ said, code }) => {
    const codes = (code.match(/'[A-Z]+(?:_[A-Z]+)*'/g) ?? []).map(each => each.slice(1, -1) as ErrorCode)
    const retriable = codes.some(each => retriableCodes.has(each))
    return !codes.every(each => said.includes(`\`${each}\``)) || said.includes(', retriable') !== retriable
  })
  expect(wrong.map(({ name }) => name)).toEqual([])
  expect(classes.length).toBeGreaterThan(25)
})
