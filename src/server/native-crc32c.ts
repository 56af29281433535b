import { crc32c, setNativeCrc32c } from './protocol/crc32c.ts'

// Typed as a string, since the compiler or a bundler would look for a literal: most users do not have this package. It
// is found at run time, from where the bundle lies. Without the comment webpack makes the import a function that finds
// nothing.
const packageName: string = '@node-rs/crc32'

interface Package {
  crc32c(bytes: Buffer): number
}

const probe = Buffer.from('123456789'.repeat(100))

/** Lets an optional peer package make checksums, if it is installed: it uses the processor's own instruction. */
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
