import type { ServerKind } from './server.ts'
import { brokerlet } from './servers/brokerlet.ts'
import { kafka } from './servers/kafka.ts'
import { kfake } from './servers/kfake.ts'
import { mock } from './servers/mock.ts'

/** The servers that brokerlet is compared with, in the order of their turns after it. */
export const peers: readonly ServerKind[] = [mock, kfake, kafka]

export const ours: ServerKind = brokerlet
