import { register } from 'node:module'

// The peer is installed in this folder, and the sources that import it are not: a hook tells where it is. For programs
// that run under tsx; tests have an alias.
const hook = `
  const at = ${JSON.stringify(new URL('node_modules/@platformatic/kafka/dist/index.js', import.meta.url).href)}
  export const resolve = (specifier, context, next) =>
    specifier === '@platformatic/kafka' ? { url: at, shortCircuit: true } : next(specifier, context)
`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
