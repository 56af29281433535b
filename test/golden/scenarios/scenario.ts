import { readFileSync } from 'node:fs'

interface GoldenRecord {
  readonly key: string | null
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** What each scenario is given: two addresses of Kafka, one of them for clients that prove who they are, and what to send. */
export function readScenario(): {
  readonly address: string
  readonly saslAddress: string
  readonly records: readonly GoldenRecord[]
} {
  const [address, saslAddress, file] = process.argv.slice(2)
  return { address: address!, saslAddress: saslAddress!, records: JSON.parse(readFileSync(file!, 'utf8')) }
}
