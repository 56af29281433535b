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
      `brokerlet/kafka needs the package ${packageName}, which cannot be loaded: ${remedy(cause)}`,
      { cause },
    )
  }
}

// Jest's CommonJS refuses every `import()`, of what is installed, too.
function remedy(cause: unknown): string {
  const { code } = cause as { readonly code?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
    ? `npm install ${packageName}`
    : describeError(cause)
}
