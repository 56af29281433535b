import { setImmediate as turn } from 'node:timers/promises'
import { asyncBufferFromFile, type ParquetScan, parquetScan } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { Flight } from './topics.ts'

const columns = ['date', 'origin', 'destination', 'delay'] as const
type Column = (typeof columns)[number]

/** The flight records of a parquet file, or the first `limit` of them. */
export class FlightFile {
  readonly #scan: ParquetScan
  readonly count: number

  private constructor(scan: ParquetScan) {
    this.#scan = scan
    this.count = scan.ranges.reduce((count, { rowStart, rowEnd }) => count + rowEnd - rowStart, 0)
  }

  static async open(path: string, limit?: number): Promise<FlightFile> {
    const file = await asyncBufferFromFile(path)
    const scan = await parquetScan({ file, compressors, ...(limit === undefined ? {} : { rowEnd: limit }) })
    const missing = columns.filter(column => !scan.metadata.schema.some(({ name }) => name === column))
    if (missing.length > 0) throw new Error(`${path} has no column '${missing.join("', '")}'`)
    return new FlightFile(scan)
  }

  /** All flights, `size` at a time; the file is read on the way. */
  async *batches(size: number): AsyncGenerator<Flight[]> {
    for await (const { rows, date, origin, destination, delay } of this.read(columns)) {
      for (let start = 0; start < rows; start += size) {
        const flights: Flight[] = []
        for (let row = start; row < Math.min(start + size, rows); row++) {
          flights.push({
            origin: origin[row] as string,
            destination: destination[row] as string,
            departedAt: (date[row] as Date).getTime(),
            delay: Number(delay[row]),
          })
        }
        yield flights
      }
    }
  }

  /** The columns as the file has them, by row group. */
  async *read<const Name extends Column>(
    names: readonly Name[],
  ): AsyncGenerator<{ readonly rows: number } & { readonly [name in Name]: ArrayLike<unknown> }> {
    for (const range of this.#scan.ranges) {
      const group: Partial<Record<Column, ArrayLike<unknown>>> = {}
      for (const column of names) {
        group[column] = await this.#scan.readColumn({ column, ...range })
        // Decoding a column takes a while, so others get a turn.
        await turn()
      }
      yield { rows: range.rowEnd - range.rowStart, ...(group as Record<Name, ArrayLike<unknown>>) }
    }
  }
}
