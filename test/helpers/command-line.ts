import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

type Parsed<Given extends Options> = ReturnType<typeof parseArgs<{ options: Given; allowPositionals: true }>>

/** A program's command line. What is wrong with it is said in one line, and the program ends with status 2. */
export class CommandLine<const Given extends Options> {
  readonly values: Parsed<Given>['values']
  readonly positionals: readonly string[]

  /** Prints the usage and ends the program where the arguments ask for `--help`. */
  constructor(usage: string, options: Given, { allowPositionals = false } = {}) {
    // Whoever asks for help may have got the rest wrong.
    if (process.argv.slice(2).some(arg => arg === '--help' || arg === '-h')) {
      console.log(usage)
      process.exit()
    }
    const { values, positionals } = this.#parse(options, allowPositionals)
    this.values = values
    this.positionals = positionals
  }

  #parse(options: Given, allowPositionals: boolean): Parsed<Given> {
    try {
      return parseArgs({ options, allowPositionals }) as Parsed<Given>
    } catch (error) {
      return this.refuse((error as Error).message.split(/\.\s/)[0]!)
    }
  }

  /** The whole number that an option was given as; `otherwise` where it was not given. */
  count<Otherwise>(option: keyof Given & string, min: number, otherwise: Otherwise): number | Otherwise {
    const text = (this.values as Readonly<Record<string, unknown>>)[option]
    if (text === undefined) return otherwise
    const value = Number(text)
    if (/^\d+$/.test(String(text)) && value >= min) return value
    return this.refuse(`--${option} expected a whole number of at least ${min}, received '${text}'`)
  }

  /** Ends the program with a line about what is wrong. */
  refuse(why: string): never {
    console.error(`${why}; --help lists the options`)
    process.exit(2)
  }
}
