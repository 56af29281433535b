import { afterEach, expect, it } from 'vitest'
import { loadNativeCrc32c } from '../../src/server/native-crc32c.ts'
import { crc32c, setNativeCrc32c } from '../../src/server/protocol/crc32c.ts'

afterEach(() => setNativeCrc32c(undefined))

const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) >>> 3))

it('gives the same checksums whether the optional peer makes them or not', async () => {
  const places = [0, 1, 3, 8].flatMap(from =>
    [511, 512, 513, 4000].map(length => [from, from + length] as const),
  )
  const checksums = () => places.map(([from, to]) => crc32c(bytes.subarray(from, to)))
  const own = checksums()
  await loadNativeCrc32c()
  expect(checksums()).toEqual(own)
})

it('asks the peer for what is long enough to be worth the call', () => {
  const asked: number[] = []
  setNativeCrc32c(part => {
    asked.push(part.length)
    return 7
  })
  expect(crc32c(bytes.subarray(0, 1000))).toBe(7)
  expect(crc32c(bytes.subarray(0, 100))).not.toBe(7)
  expect(asked).toEqual([1000])
})
