import { type Check, objectWith } from '../validate.ts'

const aMap = objectWith('get', 'has', 'keys')

/** Accepts a broker of this process, recognized by the properties that are read. */
export const localBroker: Check = {
  expected: 'a Broker of this process',
  accepts: value => {
    const { topics, groups } = (value ?? {}) as { readonly topics?: unknown; readonly groups?: unknown }
    return aMap.accepts(topics) && aMap.accepts(groups)
  },
}
