import { readdirSync } from 'node:fs'
import path from 'node:path'
import { root } from './page.ts'

/** The pages below a folder. */
export function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => path.join(folder, file))
}

/** The pages that somebody has written: all but the API reference. */
export const written: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  ...markdownBelow('docs'),
  ...markdownBelow('examples'),
].filter(file => !file.startsWith(path.join('docs', 'api')))
