/** The heap and array buffers in use, in megabytes, once what is dead is collected. */
export function usedMB(): number {
  // Twice: what the first one finds dead may keep array buffers until the second.
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

/** The most of what is looked at now and then. */
export class Peak {
  most = 0

  look(value: number): void {
    this.most = Math.max(this.most, value)
  }
}
