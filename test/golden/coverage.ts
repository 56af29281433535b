import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subjectOf } from './golden-exchange.ts'
import type { GoldenFrames } from './golden-frames.ts'

/** How much of what is spoken here was recorded. */
export interface Coverage {
  readonly covered: number
  readonly total: number
  /** As `Produce 3`: spoken here, and not recorded. */
  readonly missing: readonly string[]
  /** As `44:0,1`: the number of an API and its versions; recorded, and not spoken here. */
  readonly notSpoken: readonly string[]
}

export function coverageOf(recorded: readonly GoldenFrames[]): Coverage {
  const seen = new Map<number, Set<number>>()
  const notSpoken = new Map<number, Set<number>>()
  for (const exchange of recorded.flatMap(({ exchanges }) => exchanges)) {
    const { key, version, api } = subjectOf(exchange)
    const versions = api === undefined ? notSpoken : seen
    versions.set(key, (versions.get(key) ?? new Set()).add(version))
  }
  const spoken = (Object.values(apis) as readonly Api[]).flatMap(({ key, name, versions: [min, max] }) =>
    Array.from({ length: max - min + 1 }, (_, i) => ({ key, name, version: min + i })),
  )
  const missing = spoken.filter(({ key, version }) => !seen.get(key)?.has(version))
  return {
    covered: spoken.length - missing.length,
    total: spoken.length,
    missing: missing.map(({ name, version }) => `${name} ${version}`),
    notSpoken: [...notSpoken]
      .sort(([a], [b]) => a - b)
      .map(([key, versions]) => `${key}:${[...versions].sort((a, b) => a - b)}`),
  }
}
