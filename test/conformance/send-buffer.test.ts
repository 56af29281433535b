import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import type { ProducerRecord } from '../../src/engine.ts'
import type { Appender } from '../../src/kafka/appender.ts'
import { RecordSend } from '../../src/kafka/produced-record.ts'
import { SendBuffer } from '../../src/kafka/send-buffer.ts'
import { noHeaders } from '../../src/record.ts'
import { VirtualClock } from '../../src/testing/index.ts'

it('keeps the sends behind one that gets room in the moment in which its time is over', async () => {
  const clock = new BrokerClock(new VirtualClock())
  const written: string[] = []
  const appender = { append: ([record]: RecordSend['records']) => void written.push(record!.topic) }
  const buffer = new SendBuffer(appender as unknown as Appender, clock, 1)
  const send = (topic: string, timeoutMs: number) => {
    const record = { topic: { name: topic }, partition: 0, key: null, value: null, headers: noHeaders }
    const sent = new RecordSend([record as unknown as ProducerRecord], 0, 0, 1000)
    const answer = buffer.append(sent, { timeoutMs, signals: [] })
    return { answer, isWritten: () => sent.records[0]!.isWritten(0, -1) }
  }
  const first = send('first', 0)
  const answered = clock.turn().then(first.isWritten)
  const second = send('second', 0)
  const third = send('third', 60_000)
  await answered
  await first.answer
  await clock.turn()
  expect(written).toEqual(['first', 'second'])
  second.isWritten()
  await second.answer
  third.isWritten()
  await third.answer
  expect(written).toEqual(['first', 'second', 'third'])
})
