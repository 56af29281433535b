import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

export const root: string = path.resolve(import.meta.dirname, '../..')

/** A piece of code that a page shows. */
export interface Snippet {
  readonly line: number
  /** The heading that it stands below. */
  readonly heading: string
  readonly language: string
  readonly code: string
}

/** A page of the documentation, as its reader sees it. */
export class Page {
  readonly file: string
  readonly #lines: readonly string[]

  constructor(file: string, folder: string = root) {
    this.file = file
    this.#lines = readFileSync(path.join(folder, file), 'utf8').split('\n')
  }

  get snippets(): Snippet[] {
    const snippets: Snippet[] = []
    let heading = ''
    let begun: { line: number; heading: string; language: string; code: string[] } | undefined
    for (const [index, text] of this.#lines.entries()) {
      const fence = /^\s*```(\w*)/.exec(text)
      if (begun === undefined) heading = /^#+ (.+)$/.exec(text)?.[1] ?? heading
      if (fence === null) begun?.code.push(text)
      else if (begun === undefined) begun = { line: index + 1, heading, language: fence[1]!, code: [] }
      else {
        snippets.push({ ...begun, code: begun.code.join('\n') })
        begun = undefined
      }
    }
    return snippets
  }

  /** Its text without the snippets. */
  get prose(): string {
    return this.#lines.join('\n').replaceAll(/^\s*```[\s\S]*?^\s*```/gm, '')
  }

  /** Where its relative links lead: a file of the repository, and an anchor there. */
  get links(): { readonly file: string; readonly anchor: string | undefined }[] {
    return Array.from(this.prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!)
      .filter(target => !/^[a-z]+:/.test(target))
      .map(target => {
        const [file, anchor] = target.split('#') as [string, string | undefined]
        return { file: file === '' ? this.file : path.join(path.dirname(this.file), file), anchor }
      })
  }

  /** What a link to a part of it may name. */
  get anchors(): string[] {
    const headings = Array.from(this.prose.matchAll(/^#+ (.+)$/gm), ([, heading]) => toAnchor(heading!))
    const named = Array.from(this.prose.matchAll(/<a id="([^"]+)"/g), ([, id]) => id!)
    return [...headings, ...named]
  }
}

// As GitHub makes it of a heading.
function toAnchor(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

/** What is wrong with the syntax of a snippet. */
export function syntaxErrors(snippet: Snippet): string[] {
  return parseErrors(toProgram(snippet))
}

/** A snippet as a program of as many lines; it may also be the inside of an object. */
export function toProgram({ code }: Snippet): string {
  const whole = withoutEllipses(code)
  if (parseErrors(whole).length === 0) return whole
  const inside = `({${whole}})`
  return parseErrors(inside).length === 0 ? inside : whole
}

// Three dots stand for what the reader will write there.
function withoutEllipses(code: string): string {
  return code
    .replaceAll('{ ... }', '{}')
    .replaceAll(/^\s*\.\.\.$/gm, '')
    .replaceAll(/\.\.\.(?=\s*[,)}])/g, 'undefined')
}

function parseErrors(code: string): string[] {
  const { diagnostics = [] } = ts.transpileModule(code, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  })
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

/** The names that a snippet imports, and where from. */
export function importsOf({ code }: Snippet): { readonly from: string; readonly names: readonly string[] }[] {
  const source = ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ESNext)
  return source.statements.filter(ts.isImportDeclaration).map(({ importClause, moduleSpecifier }) => {
    const bindings = importClause?.namedBindings
    const elements = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : []
    return {
      from: (moduleSpecifier as ts.StringLiteral).text,
      names: elements.map(({ propertyName, name }) => (propertyName ?? name).text),
    }
  })
}
