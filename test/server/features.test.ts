import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { updateFeatures } = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const invalidUpdateVersion = 95
const [upgrade, safeDowngrade] = [1, 2]

function start() {
  const { client } = scene()
  const update = (
    version: number,
    ...updates: (readonly [feature: string, level: number, type?: number])[]
  ) =>
    client.call(updateFeatures!, version, {
      featureUpdates: updates.map(([feature, maxVersionLevel, upgradeType = upgrade]) => ({
        feature,
        maxVersionLevel,
        upgradeType,
      })),
      validateOnly: version > 0,
    })
  return { update }
}

it('updates features to the levels that they are at', async () => {
  const { update } = start()
  for (const version of [0, 1, 2]) {
    const answer = await update(version, ['group.version', 1], ['metadata.version', 33])
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: null })
    const done = ['group.version', 'metadata.version'].map(feature => ({
      feature,
      errorCode: 0,
      errorMessage: 'NONE',
    }))
    expect(answer.results).toEqual(version < 2 ? done : [])
    expect(await update(version)).toMatchObject({ errorCode: 0, results: [] })
  }
})

it('updates none if one of them cannot be, and says which and why', async () => {
  const { update } = start()
  const refused: (readonly [string, number, number, string])[] = [
    ['nowhere.version', 1, upgrade, 'there is no such feature'],
    ['transaction.version', 3, upgrade, 'expected 0 to 2'],
    ['metadata.version', 6, safeDowngrade, 'expected 7 to 33'],
    ['group.version', -1, safeDowngrade, 'expected 0 to 1'],
    ['transaction.version', 1, upgrade, 'it is at 2, and an upgrade cannot lower it'],
    ['transaction.version', 1, safeDowngrade, 'it is at 2, and stays there'],
    ['group.version', 1, 0, 'expected the upgrade type 1, 2 or 3, received 0'],
  ]
  for (const [feature, level, type, why] of refused) {
    const answer = await update(1, ['share.version', 2], [feature, level, type])
    expect(answer).toMatchObject({ errorCode: invalidUpdateVersion, results: [] })
    expect(answer.errorMessage).toBe(
      `No feature is updated, because '${feature}' cannot be at level ${level}: ${why}`,
    )
  }
})

it('goes by what is said last of a feature that is named twice', async () => {
  const { update } = start()
  const twice = await update(1, ['group.version', 9], ['group.version', 1])
  expect(twice).toMatchObject({ errorCode: 0 })
  expect(twice.results.map(({ feature }: { feature: string }) => feature)).toEqual([
    'group.version',
    'group.version',
  ])
  expect(await update(1, ['group.version', 1], ['group.version', 9])).toMatchObject({
    errorCode: invalidUpdateVersion,
  })
})
