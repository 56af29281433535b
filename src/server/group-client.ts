import type { EngineClient } from '../engine.ts'

/** A group whose members are clients on the wire, as `idle` knows it: what they have left to do, as sentences. */
export function groupClient(groupId: string, pending: () => string[]): EngineClient {
  return { groupId, pending, paused: [], unread: () => 0, close: async () => [] }
}
