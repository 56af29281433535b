import type { Row, Scale } from './row.ts'
import type { Server, ServerKind } from './server.ts'

/** The measurements of one server, by round. */
export interface Series {
  readonly server: string
  readonly values: readonly number[]
  /** The error for which it was left out of later rounds. */
  readonly failure?: unknown
}

/** A server, and the means to start another one like it. */
export interface Contender {
  readonly kind: ServerKind
  readonly server: Server
}

/**
 * Measures in rounds: each server once, then each again, so that a busy machine slows all of them down. A server that
 * fails is left out of the rest of this row.
 */
export async function inRounds(row: Row, contenders: readonly Contender[], scale: Scale): Promise<Series[]> {
  const taking = contenders
    .filter(({ kind }) => row.without?.[kind.name] === undefined)
    .map(contender => ({ contender, values: [] as number[], failure: undefined as unknown }))
  for (let round = row.fresh ? 0 : -scale.warmUps; round < scale.rounds; round++)
    for (const one of taking) {
      if (one.failure !== undefined) continue
      try {
        const value = await measure(row, one.contender, scale)
        if (round >= 0) one.values.push(value)
      } catch (error) {
        one.failure = error
      }
    }
  return taking.map(({ contender, values, failure }) => ({ server: contender.kind.name, values, failure }))
}

async function measure(row: Row, { kind, server }: Contender, scale: Scale): Promise<number> {
  if (!row.fresh) return row.measure(server, scale)
  const fresh = await kind.start()
  try {
    return await row.measure(fresh, scale)
  } finally {
    await fresh.close()
  }
}
