/**
 * What Kafka promises and a peer does not:
 *
 *   keep     a record stays after it was delivered, for later readers
 *   order    the next record of a key comes when the asynchronous handler of the previous one is done
 *   share    members of a group share the records, those of one key in order; each group gets all
 *   replay   a reader can go back, by offset or time
 */
export const lacks: Readonly<Record<string, string>> = {
  'push and loop': 'keep, order, share, replay',
  'push and await': 'keep, share, replay',
  'await async function': 'keep, order, share, replay',
  'bare log': 'share, replay; checks, commits, errors',
  eventemitter3: 'keep, order, share, replay',
  EventEmitter: 'keep, order, share, replay',
  emittery: 'keep, order, share, replay',
  'rxjs Subject': 'keep, order, share, replay',
  'rxjs concatMap': 'keep, share, replay',
  'events.on': 'keep, share, replay',
  'it-pushable': 'keep, share, replay; one reader',
  'fastq.promise': 'keep, share, replay; one worker function',
  'p-queue': 'keep, share, replay; functions, not records',
  'fastq.promise of 10': 'keep, order, share, replay; one worker function',
  'p-queue of 10': 'keep, order, share, replay; functions, not records',
  'NATS core': 'keep, replay; order within a queue group',
  JetStream: 'order by key where a consumer is shared',
  'Redis streams': 'order by key where a group is shared',
  'Kafka by KafkaJS': '',
  'Kafka by @platformatic/kafka': '',
}
