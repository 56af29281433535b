/** What the pages name is there: what they link to, the commands that they give, and what their snippets import. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { exported } from './exported.ts'
import { importsOf, Page, root, type Snippet, syntaxErrors } from './page.ts'
import { markdownBelow, written } from './written.ts'

const at = (page: Page, { line }: Snippet) => `${page.file}:${line}`

it('lists the exports of every entry', () => {
  for (const names of exported.values()) expect(names).not.toEqual([])
})

it('the shortest example of the README is the program among the examples', () => {
  const shown = new Page('README.md').snippets.find(({ heading }) => heading === 'The shortest example')
  expect(`${shown?.code}\n`).toBe(readFileSync(path.join(root, 'examples/quickstart.ts'), 'utf8'))
})

/** Relative links that lead nowhere. */
function brokenLinks(page: Page) {
  return page.links.filter(({ file, anchor }) => {
    if (!existsSync(path.join(root, file))) return true
    return anchor !== undefined && file.endsWith('.md') && !new Page(file).anchors.includes(anchor)
  })
}

it('the API reference has no link that leads nowhere', () => {
  const pages = markdownBelow('docs/api').map(file => new Page(file))
  expect(pages.flatMap(page => brokenLinks(page).map(link => ({ in: page.file, ...link })))).toEqual([])
})

describe.each(written)('%s', file => {
  const page = new Page(file)
  const scripts: Record<string, string> = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  ).scripts

  it('has no link that leads nowhere', () => {
    expect(brokenLinks(page)).toEqual([])
  })

  it('gives commands that there are', () => {
    const text = page.prose + page.snippets.map(({ code }) => code).join('\n')
    const named = Array.from(text.matchAll(/npm run ([a-z0-9:-]*[a-z0-9])/g), ([, script]) => script!)
    expect(named.filter(script => scripts[script] === undefined)).toEqual([])
  })

  it('names files of the repository that there are', () => {
    const named = Array.from(
      page.prose.matchAll(/`((?:src|test|examples|scripts)\/[\w./-]+)`/g),
      ([, name]) => name!,
    )
    expect(named.filter(name => !existsSync(path.join(root, name)))).toEqual([])
  })

  const code = page.snippets.filter(({ language }) => language === 'ts')

  it('has snippets without a slip of the pen', () => {
    const wrong = code.map(snippet => [at(page, snippet), syntaxErrors(snippet)] as const)
    expect(wrong.filter(([, errors]) => errors.length > 0)).toEqual([])
  })

  it('imports what the package exports', () => {
    const missing = code.flatMap(snippet =>
      importsOf(snippet).flatMap(({ from, names }) => {
        const known = exported.get(from)
        if (known === undefined) return from.startsWith('brokerlet') ? [`${at(page, snippet)} ${from}`] : []
        return names.filter(name => !known.includes(name)).map(name => `${at(page, snippet)} ${name}`)
      }),
    )
    expect(missing).toEqual([])
  })
})
