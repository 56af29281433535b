import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { exported } from './exported.ts'
import { root } from './page.ts'

const names = new Set([...exported.values()].flat())

// What users give, besides what is called options.
const others = new Set(['Acl', 'ConsumerDefaults', 'FaultScope', 'FaultTimes', 'Scenario', 'WireScope'])

/** A public type, as it is declared. */
export interface Declared {
  readonly name: string
  /** Its file in `src`. */
  readonly file: string
  readonly node: ts.InterfaceDeclaration | ts.TypeAliasDeclaration
  readonly source: ts.SourceFile
}

/** The types that a file of `src` may declare for users: those whose names fit. */
export function* declaredTypes(fits: (name: string) => boolean): IterableIterator<Declared> {
  const src = path.join(root, 'src')
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    // A room of its own that has a type of the same name.
    if (!file.endsWith('.ts') || file === 'kafka/retry.ts') continue
    const text = readFileSync(path.join(src, file), 'utf8')
    // To parse them all would take seconds.
    const some = Array.from(text.matchAll(/^export (?:interface|type) (\w+)/gm)).some(([, name]) =>
      fits(name!),
    )
    if (!some) continue
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
    for (const node of source.statements) {
      if (!ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) continue
      const name = node.name.text
      if (names.has(name) && fits(name)) yield { name, file, node, source }
    }
  }
}

/** Whether users give a type of that name: options, and what is like them. */
export function isGiven(name: string): boolean {
  return others.has(name) || name.endsWith('Options')
}
