import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const describeAcls = api(
  'DescribeAcls',
  { key: 29, versions: [1, 3], flexible: 2 },
  {
    resourceTypeFilter: int8,
    resourceNameFilter: nullable(string),
    patternTypeFilter: field(int8, {}, 3),
    principalFilter: nullable(string),
    hostFilter: nullable(string),
    operation: int8,
    permissionType: int8,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        patternType: field(int8, {}, 3),
        acls: array(
          struct({
            principal: string,
            host: string,
            operation: int8,
            permissionType: int8,
          }),
        ),
      }),
    ),
  },
)
