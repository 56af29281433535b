import { afterEach, beforeEach } from 'vitest'

/** The texts of brokerlet's process warnings since the test began; they arrive once the current work is done. */
export function collectWarnings(): string[] {
  const texts: string[] = []
  const collect = (warning: Error) => {
    if (warning.name === 'BrokerletWarning') texts.push(warning.message)
  }
  beforeEach(() => {
    texts.length = 0
    process.on('warning', collect)
  })
  afterEach(() => void process.off('warning', collect))
  return texts
}
