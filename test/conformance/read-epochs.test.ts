import { describe, expect, it } from 'vitest'
import { ReadEpochs } from '../../src/kafka/read-epochs.ts'

/** Offsets 0 to 9 under epoch 0, 10 to 14 under epoch 2, 15 to 19 under epoch 5. */
function readThrough() {
  const epochs = new ReadEpochs()
  epochs.add(0, 12, [
    { from: 0, epoch: 0 },
    { from: 10, epoch: 2 },
  ])
  epochs.add(12, 20, [
    { from: 12, epoch: 2 },
    { from: 15, epoch: 5 },
  ])
  return epochs
}

describe('the epochs of what was read', () => {
  it('are those of the records before an offset', () => {
    const epochs = readThrough()
    expect([0, 1, 10, 11, 15, 16, 20].map(offset => epochs.before(offset))).toEqual([
      undefined,
      0,
      0,
      2,
      2,
      5,
      5,
    ])
  })

  it('are unknown beyond what was read, and before where a reader began anew', () => {
    const epochs = readThrough()
    expect(epochs.before(21)).toBeUndefined()
    epochs.add(30, 40, [{ from: 30, epoch: 5 }])
    expect([10, 30, 31, 40].map(offset => epochs.before(offset))).toEqual([undefined, undefined, 5, 5])
  })

  it('stay where a part is read once more', () => {
    const epochs = readThrough()
    epochs.add(3, 11, [
      { from: 0, epoch: 0 },
      { from: 10, epoch: 2 },
    ])
    epochs.add(11, 25, [
      { from: 11, epoch: 2 },
      { from: 15, epoch: 5 },
      { from: 22, epoch: 6 },
    ])
    expect([10, 12, 20, 22, 23].map(offset => epochs.before(offset))).toEqual([0, 2, 5, 5, 6])
  })

  it('are those that were read last, where the log has other records by then', () => {
    const epochs = readThrough()
    epochs.add(3, 8, [{ from: 0, epoch: 0 }])
    epochs.add(8, 14, [
      { from: 8, epoch: 0 },
      { from: 12, epoch: 7 },
    ])
    expect([12, 13, 14].map(offset => epochs.before(offset))).toEqual([0, 7, 7])
    expect(epochs.cut(7, 14)).toBe(14)
    expect(epochs.before(14)).toBe(7)
  })

  it('are those that were told of, where a reader begins', () => {
    const epochs = new ReadEpochs()
    epochs.beginAt(10, 3)
    expect([9, 10, 11].map(offset => epochs.before(offset))).toEqual([undefined, 3, undefined])
    epochs.add(10, 15, [
      { from: 8, epoch: 3 },
      { from: 12, epoch: 4 },
    ])
    expect([10, 12, 13].map(offset => epochs.before(offset))).toEqual([3, 3, 4])
    expect(epochs.cut(2, 7)).toBe(7)
    expect([7, 10].map(offset => epochs.before(offset))).toEqual([undefined, undefined])
  })

  it('are not those of another log: along a log they only grow', () => {
    const epochs = new ReadEpochs()
    epochs.beginAt(10, 3)
    epochs.add(10, 15, [{ from: 10, epoch: 0 }])
    expect([10, 11, 15].map(offset => epochs.before(offset))).toEqual([undefined, 0, 0])
  })

  it('are unknown where a batch has none', () => {
    const epochs = new ReadEpochs()
    epochs.add(0, 5, [{ from: 0, epoch: -1 }])
    expect(epochs.before(5)).toBeUndefined()
  })

  it('end where the log ends the same epoch', () => {
    const epochs = readThrough()
    expect(epochs.cut(5, 17)).toBe(17)
    expect([17, 18].map(offset => epochs.before(offset))).toEqual([5, undefined])
  })

  it('end where a later epoch begins here that the log does not have, however long it goes on under the earlier one', () => {
    const epochs = readThrough()
    expect(epochs.cut(0, 18)).toBe(10)
    expect([10, 11].map(offset => epochs.before(offset))).toEqual([0, undefined])
  })

  it('end where the log ends an epoch that it has and that was not read', () => {
    const epochs = readThrough()
    expect(epochs.cut(1, 8)).toBe(8)
    expect(epochs.before(8)).toBe(0)
  })
})
