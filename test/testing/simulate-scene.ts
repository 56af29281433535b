import { type Broker, type PubSub, topic } from '../../src/index.ts'
import { type Scenario, SimulationError, simulate } from '../../src/testing/index.ts'
import { rejectionOf } from '../helpers/errors.ts'

export interface Order {
  id: number
}

export const topics = {
  orders: topic<Order>({ partitions: 3 }),
  invoices: topic<Order>({ partitions: 2 }),
}

export type Topics = typeof topics

export async function startBilling(broker: PubSub<Topics>): Promise<void> {
  const producer = broker.producer()
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ key, value }) => producer.send({ topic: 'invoices', key, value }),
  })
}

export async function startMail(broker: PubSub<Topics>): Promise<void> {
  await broker.consumer({ groupId: 'mail', topics: ['invoices'] }).run({ eachRecord: async () => {} })
}

export const order: Scenario<Topics>['actions'][string] = ({ broker, step, random }) =>
  broker.producer().send({ topic: 'orders', key: random.pick(['ada', 'bob']), value: { id: step } })

export const scenario: Scenario<Topics> = {
  topics,
  services: { billing: startBilling, mail: startMail },
  actions: { order },
}

/** The ids of a topic's records, each once, sorted. */
export function ids(broker: Broker<Topics>, name: keyof Topics): number[] {
  const all = broker
    .topic(name)
    .records()
    .map(({ value }) => value.id)
  return [...new Set(all)].sort((a, b) => a - b)
}

/** What a simulation fails with. */
export async function failureOf(...call: Parameters<typeof simulate<Topics>>): Promise<SimulationError> {
  const error: unknown = await rejectionOf(simulate(...call))
  if (!(error instanceof SimulationError)) throw error
  return error
}
