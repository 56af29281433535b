import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Takes from the declarations of the build that classes have private fields. TypeScript says of two classes with such
 * fields that they are different ones, and the declarations for ESM and for CommonJS each have their own. So a module of
 * one kind could not pass its broker to one of the other, which works.
 */
const privateFields = /^ +#private;\n/gm

/**
 * What declarations name of others. Since TypeScript 6 a project has no packages of types that it does not name: what is
 * Node's would be `any`, and nobody would be told.
 */
const references = [
  { needs: /from 'node:/, reference: '/// <reference types="node" />\n' },
  { needs: /\[Symbol\.asyncDispose\]/, reference: '/// <reference lib="esnext.disposable" />\n' },
]

const declarations = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter(file =>
  /\.d\.c?ts$/.test(file),
)
for (const file of declarations) {
  const text = readFileSync(path.join('dist', file), 'utf8')
  const needed = references.filter(({ needs }) => needs.test(text)).map(({ reference }) => reference)
  writeFileSync(path.join('dist', file), needed.join('') + text.replaceAll(privateFields, ''))
}
