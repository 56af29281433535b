import { describe, expectTypeOf, it } from 'vitest'
import type * as brokerlet from '../../src/index.ts'
import type {
  Admin,
  AnyTopic,
  Broker,
  BrokerEvents,
  Consumer,
  ConsumerEvents,
  ConsumerGroup,
  Partition,
  Producer,
  PubSub,
  RunOptions,
  TopicDefinition,
  TopicOptions,
} from '../../src/index.ts'
import type { App, Order } from './fixtures.ts'

type Option<Options, Name extends keyof Options> = NonNullable<Options[Name]>
type Returned<T, Name extends keyof T> = T[Name] extends (...args: never[]) => infer R ? Awaited<R> : never
type Taken<T, Name extends keyof T> = T[Name] extends (...args: infer A) => unknown ? A : never

// Whoever writes a function around this package has to be able to write down what goes in and what comes out.
describe('what a public signature speaks of has a name', () => {
  it('of a broker', () => {
    type B = Broker<App>
    expectTypeOf<NonNullable<ConstructorParameters<typeof Broker<App>>[0]>>().toEqualTypeOf<
      brokerlet.BrokerOptions<App>
    >()
    expectTypeOf<NonNullable<Taken<B, 'idle'>[0]>>().toEqualTypeOf<brokerlet.IdleOptions>()
    expectTypeOf<NonNullable<Taken<B, 'close'>[0]>>().toEqualTypeOf<brokerlet.BrokerCloseOptions>()
    expectTypeOf<Returned<B, 'close'>>().toEqualTypeOf<readonly brokerlet.Unread[]>()
    expectTypeOf<Returned<B, 'describe'>>().toEqualTypeOf<brokerlet.BrokerDescription>()
    expectTypeOf<B['clock']>().toEqualTypeOf<brokerlet.SleepClock>()
    expectTypeOf<B['admin']>().toEqualTypeOf<Admin>()
    expectTypeOf<brokerlet.Merged<App, { refunds: TopicDefinition<Order> }>>().toEqualTypeOf<{
      orders: App['orders']
      payments: App['payments']
      refunds: TopicDefinition<Order>
    }>()
  })

  it('of a clock', () => {
    expectTypeOf<brokerlet.SleepClock>().toExtend<brokerlet.Clock>()
    expectTypeOf<Returned<brokerlet.Clock, 'setTimer'>>().toEqualTypeOf<brokerlet.Timer>()
    expectTypeOf<Taken<brokerlet.Clock, 'setTimer'>[2]>().toEqualTypeOf<brokerlet.TimerOptions | undefined>()
    expectTypeOf<brokerlet.Clock['workBudget']>().toEqualTypeOf<brokerlet.WorkBudget>()
  })

  it('of a topic', () => {
    expectTypeOf<brokerlet.Topic['options']>().toEqualTypeOf<Readonly<brokerlet.LogConfig>>()
    expectTypeOf<NonNullable<Taken<Partition, 'read'>[1]>>().toEqualTypeOf<brokerlet.ReadOptions>()
    expectTypeOf<Returned<Partition, 'read'>>().toEqualTypeOf<readonly brokerlet.ConsumerRecord[]>()
    expectTypeOf<AnyTopic['options']>().toEqualTypeOf<TopicOptions>()
    expectTypeOf<App>().toExtend<brokerlet.TopicMap>()
    // The phantom that holds a definition's types: a name that declaration files of a user can write.
    expectTypeOf<keyof TopicDefinition<Order>>().toEqualTypeOf<'options' | '~shape'>()
  })

  it('of a producer', () => {
    expectTypeOf<NonNullable<Taken<PubSub<App>, 'producer'>[0]>>().toEqualTypeOf<brokerlet.ProducerOptions>()
    expectTypeOf<Option<brokerlet.ProducerOptions, 'partitioner'>>().toEqualTypeOf<brokerlet.Partitioner>()
    expectTypeOf<Returned<Producer<App>, 'send'>>().toEqualTypeOf<brokerlet.RecordMetadata>()
  })

  it('of a consumer', () => {
    type C = Consumer<brokerlet.RecordOf<App>>
    type Options = brokerlet.ConsumerOptions
    expectTypeOf<Option<Options, 'assignor'>>().toEqualTypeOf<'uniform' | 'range' | brokerlet.Assignor>()
    expectTypeOf<Taken<brokerlet.Assignor, 'assign'>[0]>().toEqualTypeOf<brokerlet.AssignorInput>()
    expectTypeOf<brokerlet.AssignorInput['members']>().toEqualTypeOf<readonly brokerlet.AssignorMember[]>()
    expectTypeOf<Option<Options, 'assign'>>().toEqualTypeOf<readonly brokerlet.ManualAssignment[]>()
    expectTypeOf<NonNullable<Taken<C, 'poll'>[0]>>().toEqualTypeOf<brokerlet.PollOptions>()
    expectTypeOf<NonNullable<Taken<C, 'close'>[0]>>().toEqualTypeOf<brokerlet.CloseOptions>()
    expectTypeOf<Taken<C, 'seek'>[1]>().toEqualTypeOf<brokerlet.OffsetSpec>()
    expectTypeOf<Returned<C, 'committed'>>().toEqualTypeOf<brokerlet.OffsetAndMetadata | null>()
    expectTypeOf<Taken<C, 'run'>[0]>().toEqualTypeOf<RunOptions<brokerlet.RecordOf<App>, string>>()
    expectTypeOf<
      Option<RunOptions<brokerlet.AnyRecord, string>, 'retry'>
    >().toEqualTypeOf<brokerlet.RetryOptions>()
    expectTypeOf<Option<RunOptions, 'onFailure'>>().toEqualTypeOf<brokerlet.OnFailure>()
  })

  it('of a group', () => {
    expectTypeOf<ConsumerGroup['state']>().toEqualTypeOf<brokerlet.GroupState>()
    expectTypeOf<ConsumerGroup['members']>().toEqualTypeOf<readonly brokerlet.MemberDescription[]>()
    expectTypeOf<Returned<Admin, 'describeGroup'>>().toEqualTypeOf<brokerlet.GroupSummary>()
    expectTypeOf<Returned<Admin, 'describeTopic'>>().toEqualTypeOf<brokerlet.TopicSummary>()
    expectTypeOf<brokerlet.TopicSummary['partitions'][number]>().toEqualTypeOf<brokerlet.PartitionSummary>()
  })

  it('of an event', () => {
    expectTypeOf<BrokerEvents['memberLeft']>().toEqualTypeOf<brokerlet.MemberLeftEvent>()
    expectTypeOf<BrokerEvents['rebalanced']>().toEqualTypeOf<brokerlet.RebalancedEvent>()
    expectTypeOf<BrokerEvents['recordsDropped']>().toEqualTypeOf<brokerlet.RecordsDroppedEvent>()
    expectTypeOf<BrokerEvents['recordsDropped']['reason']>().toEqualTypeOf<brokerlet.TrimReason>()
    expectTypeOf<BrokerEvents['groupStopped']>().toEqualTypeOf<brokerlet.GroupStoppedEvent>()
    expectTypeOf<ConsumerEvents['skipped']['record']>().toEqualTypeOf<brokerlet.AnyRecord>()
  })

  it('of an error', () => {
    type Fields = NonNullable<ConstructorParameters<typeof brokerlet.InvalidOptionError>[1]>
    expectTypeOf<Fields>().toEqualTypeOf<brokerlet.ErrorFields>()
    expectTypeOf<brokerlet.BrokerletError['code']>().toEqualTypeOf<brokerlet.ErrorCode>()
  })
})
