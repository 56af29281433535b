import type { Broker } from '../broker.ts'
import { type Check, objectWith, requireArgument } from '../validate.ts'

const open = objectWith('requireOpen')

// Recognised by its engine, not by its class: it may come from another copy of this package.
const aBroker: Check = {
  expected: 'a Broker of this process',
  accepts: value => open.accepts((value as { readonly engine?: unknown } | null | undefined)?.engine),
}

/** The engine behind a broker that is to be served. */
export function engineOf(where: string, broker: unknown): Broker['engine'] {
  requireArgument(where, 'broker', broker, aBroker)
  const { engine } = broker as Broker
  engine.requireOpen()
  return engine
}
