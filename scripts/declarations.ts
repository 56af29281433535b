import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Takes from the declarations of the build that classes have private fields. TypeScript says of two classes with such
 * fields that they are different ones, and the declarations for ESM and for CommonJS each have their own. So a module of
 * one kind could not pass its broker to one of the other, which works.
 */
const privateFields = /^ +#private;\n/gm

const declarations = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter(file =>
  /\.d\.c?ts$/.test(file),
)
for (const file of declarations) {
  const text = readFileSync(path.join('dist', file), 'utf8')
  writeFileSync(path.join('dist', file), text.replaceAll(privateFields, ''))
}
