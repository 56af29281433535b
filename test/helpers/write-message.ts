import type { Type, Version } from '../../src/server/protocol/type.ts'
import { Writer } from '../../src/server/protocol/writer.ts'

/** The bytes of a whole message. */
export function writeMessage<Write>(type: Type<unknown, Write>, value: Write, version: Version): Buffer {
  const writer = new Writer()
  type.write(writer, value, version)
  return writer.concat()
}
