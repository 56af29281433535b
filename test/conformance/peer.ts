import { register } from 'node:module'
import { pathToFileURL } from 'node:url'
import { peerPath } from './peer-path.ts'

// The sources that import the peer are not in this folder: a hook tells where it is. For programs that run under tsx;
// tests have an alias.
const hook = `
  const at = ${JSON.stringify(pathToFileURL(peerPath).href)}
  export const resolve = (specifier, context, next) =>
    specifier === '@platformatic/kafka' ? { url: at, shortCircuit: true } : next(specifier, context)
`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
