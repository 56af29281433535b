import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { exported } from './exported.ts'
import { root } from './page.ts'

const names = new Set([...exported.values()].flat())

// What users give, besides what is called options.
const given = new Set(['Acl', 'ConsumerDefaults', 'FaultScope', 'FaultTimes', 'Scenario', 'WireScope'])

const takesUndefined = new Set(['undefined', 'unknown', 'never'])

/** The optional properties in a type, wherever in it, that may be left out and not be `undefined`. */
function strictIn(node: ts.Node, source: ts.SourceFile): string[] {
  const strict: string[] = []
  const visit = (each: ts.Node) => {
    if ((ts.isPropertySignature(each) || ts.isMethodSignature(each)) && each.questionToken) {
      const parts = each.type !== undefined && ts.isUnionTypeNode(each.type) ? each.type.types : [each.type]
      const admits = parts.some(part => part !== undefined && takesUndefined.has(part.getText(source)))
      if (ts.isMethodSignature(each) || !admits) strict.push(each.name.getText(source))
    }
    each.forEachChild(visit)
  }
  visit(node)
  return strict
}

it('every option may be undefined, as if it were left out, also under exactOptionalPropertyTypes', () => {
  const strict: string[] = []
  let options = 0
  const src = path.join(root, 'src')
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const text = readFileSync(path.join(src, file), 'utf8')
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) && !ts.isTypeAliasDeclaration(statement)) continue
      const name = statement.name.text
      // Those of a room of its own that have the same name.
      const isPublic =
        given.has(name) || (name.endsWith('Options') && names.has(name) && file !== 'kafka/retry.ts')
      if (!isPublic) continue
      options++
      strict.push(...strictIn(statement, source).map(each => `${name}.${each} (src/${file})`))
    }
  }
  expect(strict).toEqual([])
  expect(options).toBeGreaterThan(30)
})
