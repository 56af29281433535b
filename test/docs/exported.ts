import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { entries } from '../../scripts/entries.ts'
import { root } from './page.ts'

/** The names that an entry exports, its types included. */
function exportsOf(source: string): string[] {
  const parsed = ts.createSourceFile(
    source,
    readFileSync(path.join(root, source), 'utf8'),
    ts.ScriptTarget.ESNext,
  )
  return parsed.statements
    .filter(ts.isExportDeclaration)
    .flatMap(({ exportClause }) =>
      exportClause !== undefined && ts.isNamedExports(exportClause)
        ? exportClause.elements.map(({ name }) => name.text)
        : [],
    )
}

/** What each entry exports, by its specifier: `brokerlet`, `brokerlet/testing`, ... */
export const exported: ReadonlyMap<string, readonly string[]> = new Map(
  entries.map(({ specifier, source }) => [specifier, exportsOf(source)]),
)
