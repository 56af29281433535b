import path from 'node:path'
import ts from 'typescript'
import { root } from './page.ts'

/** Code by the name of its file. */
type Sources = ReadonlyMap<string, string>

/** A mistake in a snippet, in the words of the compiler. */
export interface Mistake {
  readonly file: string
  readonly line: number
  readonly text: string
}

const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile)
const { options: own } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const options: ts.CompilerOptions = {
  ...own,
  // A snippet shows what matters: not each parameter of each function, nor an assertion for each index.
  noImplicitAny: false,
  noUncheckedIndexedAccess: false,
  verbatimModuleSyntax: false,
  isolatedModules: false,
}

// A name that the page does not explain is something of the reader's, which may be anything.
const unknownName = /^(?:Cannot find name|No value exists in scope for the shorthand property) '(\w+)'/
// The program before has read the library and the sources already.
let last: ts.Program | undefined
// Names that mean the same on every page.
const usual: ReadonlyMap<string, string> = new Map([
  ['broker', "import('brokerlet/testing').TestBroker<any>"],
  ['consumer', "import('brokerlet').Consumer<any, any>"],
  ['producer', "import('brokerlet').Producer<any>"],
])
// A snippet may be a part of a function, and need not end it.
const returnOutsideOfFunction = 1108

/**
 * What the compiler finds wrong in snippets. What they do not declare is taken from `exported`, by its name, is a broker
 * or a client if it is called so, and may otherwise be anything.
 */
export function mistakesIn(snippets: Sources, exported: ReadonlyMap<string, string>): Mistake[] {
  const bare = new Map([...snippets].map(([file, code]) => [inTests(file), `${code}\nexport {}`]))
  const first = compile(bare)
  const whole = new Map(
    [...bare].map(([file, code]) => {
      const names = new Set(
        diagnosticsOf(first, file).flatMap(each => unknownName.exec(textOf(each))?.[1] ?? []),
      )
      return [file, [...names].map(name => declarationOf(name, exported.get(name))).join('') + code]
    }),
  )
  const program = compile(whole)
  return [...snippets.keys()].flatMap(file =>
    diagnosticsOf(program, inTests(file))
      .filter(({ code }) => code !== returnOutsideOfFunction)
      .map(each => ({ file, line: lineOf(each), text: textOf(each) })),
  )
}

// On the first line, so that the lines of the snippet keep their numbers.
function declarationOf(name: string, specifier: string | undefined): string {
  if (specifier !== undefined) return `import { ${name} } from '${specifier}';`
  return `declare const ${name}: ${usual.get(name) ?? 'any'}; type ${name} = any;`
}

function inTests(file: string): string {
  return path.join(root, 'test', 'docs', file)
}

function compile(sources: Sources): ts.Program {
  const before = last
  const host = ts.createCompilerHost(options)
  const read = host.readFile
  const exists = host.fileExists
  const parse = host.getSourceFile
  host.readFile = file => sources.get(file) ?? read(file)
  host.fileExists = file => sources.has(file) || exists(file)
  host.getSourceFile = (file, ...rest) => {
    const code = sources.get(file)
    if (code !== undefined)
      return ts.createSourceFile(file, code, ...(rest.slice(0, 1) as [ts.CreateSourceFileOptions]))
    return before?.getSourceFile(file) ?? parse(file, ...rest)
  }
  last = ts.createProgram([...sources.keys()], options, host, before)
  return last
}

function diagnosticsOf(program: ts.Program, file: string): readonly ts.Diagnostic[] {
  const source = program.getSourceFile(file)
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
}

function textOf({ messageText }: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(messageText, ' ')
}

function lineOf({ file, start = 0 }: ts.Diagnostic): number {
  return (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
}
