import path from 'node:path'

// Version 2 of the optional peer does not run on Node 20, so where it can be used it is what is tested.
const major = Number(process.versions.node.split('.')[0])
const installed = major >= 24 ? 'platformatic-kafka-2' : '@platformatic/kafka'

/** The optional peer. It is installed in this folder, and not in the root: it asks for a later Node. */
export const peerPath: string = path.join(import.meta.dirname, 'node_modules', installed, 'dist/index.js')
