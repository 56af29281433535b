import { errnoOfName } from '../faults/wire-error-code.ts'
import { type Handler, handler } from '../handler.ts'
import { createAcls } from '../protocol/messages/create-acls.ts'
import { deleteAcls } from '../protocol/messages/delete-acls.ts'
import { describeAcls } from '../protocol/messages/describe-acls.ts'

const refusal = {
  errorCode: errnoOfName('SECURITY_DISABLED'),
  errorMessage: 'There are no access lists: everybody may do everything',
}

/**
 * Access lists, which do not exist here. Programs that copy or show them, as MirrorMaker does, go on if they hear what
 * a Kafka without an authorizer answers.
 */
export function aclHandlers(): Handler[] {
  return [
    handler(describeAcls, () => refusal),
    handler(createAcls, ({ creations }) => ({ results: creations.map(() => refusal) })),
    handler(deleteAcls, ({ filters }) => ({ filterResults: filters.map(() => refusal) })),
  ]
}
