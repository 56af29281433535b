import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** The options of the command line. */
export interface Options {
  readonly help: boolean
  readonly file: string
  readonly limit: number | undefined
  readonly rate: number | undefined
  /** The address of a broker of a cluster. */
  readonly kafka: string | undefined
}

/** Three million US flights, January to June 2001. */
const defaultFile = () =>
  fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))

export const usage = `Streams US flight records through a topic of 12 partitions to three groups, and checks every total.

npm start -- [options]

  --file <path>     a parquet file with date, origin, destination and delay (default: flights-3m of vega-datasets)
  --limit <count>   only its first flights (default: all)
  --rate <count>    at most so many flights per second (default: as many as go)
  --kafka <address> on a real cluster, host:port (needs a package more, see examples/README.md)
  --help            this text`

/** An error in the options, with a message of one line. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseOptions(args: string[]): Options {
  const { help, file = defaultFile(), kafka, ...values } = parse(args)
  return { help, file, limit: toCount('limit', values.limit), rate: toCount('rate', values.rate), kafka }
}

function parse(args: string[]) {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    file: { type: 'string' },
    limit: { type: 'string' },
    rate: { type: 'string' },
    kafka: { type: 'string' },
  } as const
  try {
    return parseArgs({ args, options }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; --help lists the options`)
  }
}

function toCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d*$/.test(text))
    throw new UsageError(`--${option} expects a whole number of at least 1, received '${text}'`)
  return Number(text)
}
