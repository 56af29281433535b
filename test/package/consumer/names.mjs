// Prints what a sub-path exports in either format, and which of its classes the build has renamed.
import { createRequire } from 'node:module'

const specifier = process.argv[2]
const formats = { import: await import(specifier), require: createRequire(import.meta.url)(specifier) }
const isClass = value =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
const renamed = Object.entries(formats).flatMap(([format, exported]) =>
  Object.entries(exported)
    .filter(([name, value]) => isClass(value) && value.name !== name)
    .map(([name, value]) => `${format}: ${name} is called ${value.name}`),
)
console.log(
  JSON.stringify({
    import: Object.keys(formats.import).sort(),
    require: Object.keys(formats.require).sort(),
    renamed,
  }),
)
