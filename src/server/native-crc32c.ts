import { crc32c, setNativeCrc32c } from './protocol/crc32c.ts'

// Not where the compiler, or a bundler, would look for it: most who use this package do not have it. It is found at run
// time, from where the bundle lies; without its comment webpack puts a function there that finds nothing.
const packageName: string = '@node-rs/crc32'

interface Package {
  crc32c(bytes: Buffer): number
}

const probe = Buffer.from('123456789'.repeat(100))

/** Has checksums made by an optional peer that knows the processor's instruction, where it is installed. */
export async function loadNativeCrc32c(): Promise<void> {
  let loaded: Package
  try {
    loaded = (await import(/* webpackIgnore: true */ packageName)) as Package
  } catch {
    // Nothing is missing without it but speed.
    return
  }
  if (loaded.crc32c(probe) === crc32c(probe)) setNativeCrc32c(bytes => loaded.crc32c(bytes))
}
