/**
 * Starts a member of a new KIP-848 group and prints how many milliseconds its first record took. Another group comes
 * first, so that it is not this program's own start that is measured.
 *
 *   first-record.js ADDRESS TOPIC GROUP
 */
import { Consumer } from '@platformatic/kafka'

const [address, topic, group] = process.argv.slice(2)

async function firstRecord(groupId) {
  const started = performance.now()
  const consumer = new Consumer({
    clientId: 'bench',
    bootstrapBrokers: [address],
    groupId,
    groupProtocol: 'consumer',
    maxWaitTime: 100,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
  await new Promise((resolve, reject) => {
    stream.once('data', resolve)
    stream.once('error', reject)
  })
  const took = performance.now() - started
  await stream.close()
  await consumer.close(true)
  return took
}

await firstRecord(`${group}-first`)
console.log(await firstRecord(group))
