import { features } from '../features.ts'
import { type Handler, handler } from '../handler.ts'
import type { RequestOf } from '../protocol/message.ts'
import { updateFeatures } from '../protocol/messages/update-features.ts'
import { wireError } from '../wire.ts'

type Update = RequestOf<typeof updateFeatures>['featureUpdates'][number]

// Upgrade, safe downgrade and unsafe downgrade. (Kafka: FeatureUpdate.UpgradeType)
const upgrade = 1
const upgradeTypes: ReadonlySet<number> = new Set([upgrade, 2, 3])

/** Updates of features, for administrators that upgrade a cluster: those to the present levels are done. */
export function featureHandlers(): Handler[] {
  return [
    handler(updateFeatures, ({ featureUpdates }) => {
      // What is said of a feature last counts.
      const updates = new Map(featureUpdates.map(update => [update.feature, update]))
      for (const update of updates.values()) {
        const why = whyNot(update)
        if (why === undefined) continue
        const { feature, maxVersionLevel } = update
        return wireError(
          'INVALID_UPDATE_VERSION',
          `No feature is updated, because '${feature}' cannot be at level ${maxVersionLevel}: ${why}`,
        )
      }
      return {
        errorMessage: null,
        results: featureUpdates.map(({ feature }) => ({ feature, errorMessage: 'NONE' })),
      }
    }),
  ]
}

function whyNot({ feature, maxVersionLevel, upgradeType }: Update): string | undefined {
  const known = features.find(({ name }) => name === feature)
  if (known === undefined) return 'there is no such feature'
  if (!upgradeTypes.has(upgradeType)) return `expected the upgrade type 1, 2 or 3, received ${upgradeType}`
  const { minVersion, level } = known
  if (maxVersionLevel < minVersion || maxVersionLevel > level) return `expected ${minVersion} to ${level}`
  if (maxVersionLevel === level) return undefined
  return upgradeType === upgrade
    ? `it is at ${level}, and an upgrade cannot lower it`
    : `it is at ${level}, and stays there`
}
