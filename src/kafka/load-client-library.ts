import { describeError } from '../errors.ts'
import type { ClientLibrary } from './client-library.ts'
import { ClusterError } from './cluster-error.ts'

// A variable, so that neither the compiler nor a bundler resolves the name: most users do not have the
// package. It is resolved at run time, from where the bundle lies. Without its comment, webpack replaces the
// import by a function that finds nothing.
const packageName: string = '@platformatic/kafka'

/** @throws ClusterError where the optional peer is not installed, or cannot be loaded */
export async function loadClientLibrary(): Promise<ClientLibrary> {
  try {
    return (await import(/* webpackIgnore: true */ packageName)) as ClientLibrary
  } catch (cause) {
    throw new ClusterError(
      'PEER_NOT_INSTALLED',
      `brokerlet/kafka needs the package ${packageName} (npm install ${packageName}@1), which cannot be loaded: ${reason(cause)}`,
      { cause },
    )
  }
}

// The package may be there: Jest's CommonJS refuses every `import()`. Later lines of
// Node's message say which file asked.
function reason(cause: unknown): string {
  return describeError(cause).split('\n')[0]!
}
