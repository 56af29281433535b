import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string } from '../type.ts'

export const updateFeatures = api(
  'UpdateFeatures',
  { key: 57, versions: [0, 2], flexible: 0 },
  {
    timeoutMs: field(int32, {}, 60000),
    featureUpdates: array(
      struct({
        feature: string,
        maxVersionLevel: int16,
        allowDowngrade: field(bool, { until: 0 }),
        upgradeType: field(int8, { since: 1 }, 1),
      }),
    ),
    validateOnly: field(bool, { since: 1 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: field(
      array(
        struct({
          feature: string,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
      { until: 1 },
    ),
  },
)
