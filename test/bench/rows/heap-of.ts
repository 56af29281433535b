/** The heap and array buffers in use, in megabytes, after a garbage collection. */
export function usedMB(): number {
  // Twice: objects that the first collection finds dead may keep array buffers until the second.
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

/** The largest of the values that were looked at. */
export class Peak {
  most = 0

  look(value: number): void {
    this.most = Math.max(this.most, value)
  }
}
