import { type Check, objectWith } from '../validate.ts'

const aMap = objectWith('get', 'has', 'keys')

/** A broker of this process, by what is read of it. */
export const localBroker: Check = {
  expected: 'a Broker of this process',
  accepts: value => {
    const { topics, groups } = (value ?? {}) as { readonly topics?: unknown; readonly groups?: unknown }
    return aMap.accepts(topics) && aMap.accepts(groups)
  },
}
