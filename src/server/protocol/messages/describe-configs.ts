import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string } from '../type.ts'

export const describeConfigs = api(
  'DescribeConfigs',
  { key: 32, versions: [1, 4], flexible: 4 },
  {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configurationKeys: nullable(array(string)),
      }),
    ),
    includeSynonyms: bool,
    includeDocumentation: field(bool, { since: 3 }),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: nullable(string),
            readOnly: bool,
            configSource: field(int8, {}, -1),
            isSensitive: bool,
            synonyms: array(
              struct({
                name: string,
                value: nullable(string),
                source: int8,
              }),
            ),
            configType: field(int8, { since: 3 }),
            documentation: field(nullable(string), { since: 3 }),
          }),
        ),
      }),
    ),
  },
)
