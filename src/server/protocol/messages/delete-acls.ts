import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const deleteAcls = api(
  'DeleteAcls',
  { key: 31, versions: [1, 3], flexible: 2 },
  {
    filters: array(
      struct({
        resourceTypeFilter: int8,
        resourceNameFilter: nullable(string),
        patternTypeFilter: field(int8, {}, 3),
        principalFilter: nullable(string),
        hostFilter: nullable(string),
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    filterResults: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        matchingAcls: array(
          struct({
            errorCode: int16,
            errorMessage: nullable(string),
            resourceType: int8,
            resourceName: string,
            patternType: field(int8, {}, 3),
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
