import type { Broker } from '../broker.ts'
import { Ids } from '../ids.ts'
import { sharedByCopies } from './copies.ts'
import { entryOf } from './entry-of.ts'

/**
 * The id of the cluster that a broker is to clients, drawn from its `random` when it is first served. All its servers
 * tell the same one, one after the other and at once, since they have the same topics. (Kafka: cluster.id)
 */
export function clusterIdOf(engine: Broker['engine']): string {
  return entryOf(byEngine, engine, () => {
    const id = Buffer.from(new Ids(engine.random).uuid().replaceAll('-', ''), 'hex').toString('base64url')
    // Kafka's own draw leaves those out that a command line would take for an option.
    return id.replace(/^-/, 'A')
  })
}

const byEngine = sharedByCopies<Broker['engine'], string>('cluster ids')
