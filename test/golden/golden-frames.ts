import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Exchange } from './recording-proxy.ts'

const folder = path.join(import.meta.dirname, 'frames')

/** What one client and Apache Kafka said to each other. */
export interface GoldenFrames {
  /** Its name and version. */
  readonly client: string
  readonly kafka: string
  readonly exchanges: readonly Exchange[]
}

/** All that is recorded. */
export function readGoldenFrames(): GoldenFrames[] {
  return readdirSync(folder).map(name => {
    const { exchanges, ...rest } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'))
    const pairs = exchanges as readonly (readonly [string, string])[]
    return {
      ...rest,
      exchanges: pairs.map(([request, response]) => ({
        request: Buffer.from(request, 'base64'),
        response: Buffer.from(response, 'base64'),
      })),
    }
  })
}

export function writeGoldenFrames(name: string, { client, kafka, exchanges }: GoldenFrames): void {
  // A line for each, so that what changed can be seen.
  const lines = exchanges.map(
    ({ request, response }) => `    ["${request.toString('base64')}", "${response.toString('base64')}"]`,
  )
  const head = `  "client": ${JSON.stringify(client)},\n  "kafka": ${JSON.stringify(kafka)},\n`
  const text = `{\n${head}  "exchanges": [\n${lines.join(',\n')}\n  ]\n}\n`
  writeFileSync(path.join(folder, `${name}.json`), text)
}
