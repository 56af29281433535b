import ts from 'typescript'
import { expect, it } from 'vitest'
import { declaredTypes, isGiven } from './given.ts'

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
  const options = [...declaredTypes(isGiven)]
  const strict = options.flatMap(({ name, file, node, source }) =>
    strictIn(node, source).map(each => `${name}.${each} (src/${file})`),
  )
  expect(strict).toEqual([])
  expect(options.length).toBeGreaterThan(30)
})
