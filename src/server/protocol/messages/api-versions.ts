import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, nullable, string } from '../type.ts'

export const apiVersions = api(
  'ApiVersions',
  { key: 18, versions: [0, 5], flexible: 3 },
  {
    clientSoftwareName: field(string, { since: 3 }),
    clientSoftwareVersion: field(string, { since: 3 }),
    clusterId: field(nullable(string), { since: 5 }, null),
    nodeId: field(int32, { since: 5 }, -1),
  },
  {
    errorCode: int16,
    apiKeys: array(
      struct({
        apiKey: int16,
        minVersion: int16,
        maxVersion: int16,
      }),
    ),
    throttleTimeMs: field(int32, { since: 1 }),
    supportedFeatures: field(
      array(
        struct({
          name: string,
          minVersion: int16,
          maxVersion: int16,
        }),
      ),
      { since: 3, tag: 0 },
    ),
    finalizedFeaturesEpoch: field(int64, { since: 3, tag: 1 }, -1),
    finalizedFeatures: field(
      array(
        struct({
          name: string,
          maxVersionLevel: int16,
          minVersionLevel: int16,
        }),
      ),
      { since: 3, tag: 2 },
    ),
    zkMigrationReady: field(bool, { since: 3, tag: 3 }),
  },
)
