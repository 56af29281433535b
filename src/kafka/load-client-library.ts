import { describeError } from '../thrown.ts'
import type { ClientLibrary } from './client-library.ts'
import { ClusterError } from './cluster-error.ts'

// A variable, so that neither the compiler nor a bundler resolves the name: most users do not have the
// package. It is resolved at run time, from where the bundle lies. Without its comment, webpack replaces the
// import by a function that finds nothing.
const packageName: string = '@platformatic/kafka'

/** @throws ClusterError where the optional peer is not installed, cannot be loaded, or does not run on this Node */
export async function loadClientLibrary(): Promise<ClientLibrary> {
  let library: ClientLibrary
  try {
    library = (await import(/* webpackIgnore: true */ packageName)) as ClientLibrary
  } catch (cause) {
    throw notLoaded(`which cannot be loaded: ${reason(cause)}`, cause)
  }
  requireRunsHere(library)
  return library
}

/** @throws ClusterError for version 2 on Node 20: it can be loaded, and fails once it is used */
function requireRunsHere(library: Pick<ClientLibrary, 'clientSoftwareVersion'>): void {
  // Version 1 brings its own.
  if ('promiseWithResolvers' in library || typeof Reflect.get(Promise, 'withResolvers') === 'function') return
  throw notLoaded(`and its version ${library.clientSoftwareVersion} does not run on Node ${process.version}`)
}

function notLoaded(why: string, cause?: unknown): ClusterError {
  return new ClusterError(
    'PEER_NOT_INSTALLED',
    `brokerlet/kafka needs the package ${packageName} (npm install ${packageName}@1), ${why}`,
    cause === undefined ? {} : { cause },
  )
}

// The package may be there: Jest's CommonJS refuses every `import()`. Later lines of
// Node's message say which file asked.
function reason(cause: unknown): string {
  return describeError(cause).split('\n')[0]!
}
