import { describeError } from '../errors.ts'
import type { ClientLibrary } from './client-library.ts'
import { ClusterError } from './cluster-error.ts'

// Not where the compiler, or a bundler, would look for it: most who use this package do not have it. It is found at run
// time, from where the bundle lies; without its comment webpack puts a function there that finds nothing.
const packageName: string = '@platformatic/kafka'

/** @throws ClusterError where the optional peer is not installed, or cannot be loaded */
export async function loadClientLibrary(): Promise<ClientLibrary> {
  try {
    return (await import(/* webpackIgnore: true */ packageName)) as ClientLibrary
  } catch (cause) {
    throw new ClusterError(
      'PEER_NOT_INSTALLED',
      `brokerlet/kafka needs the package ${packageName} (npm install ${packageName}), which cannot be loaded: ${reason(cause)}`,
      { cause },
    )
  }
}

// Not only that it is missing: Jest's CommonJS refuses every `import()`. Node's own text goes on with who asked for it.
function reason(cause: unknown): string {
  return describeError(cause).split('\n')[0]!
}
