import type { ClientLibrary } from './client-library.ts'
import { ClusterError } from './cluster-error.ts'

// Not where the compiler, or a bundler, would look for it: most who use this package do not have it.
const packageName: string = '@platformatic/kafka'

/** @throws ClusterError where the optional peer is not installed */
export async function loadClientLibrary(): Promise<ClientLibrary> {
  try {
    return (await import(packageName)) as ClientLibrary
  } catch (cause) {
    throw new ClusterError(
      'PEER_NOT_INSTALLED',
      `brokerlet/kafka needs the package ${packageName}, which cannot be loaded: npm install ${packageName}`,
      { cause },
    )
  }
}
