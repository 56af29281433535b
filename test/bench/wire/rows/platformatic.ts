import { installPlatformatic, platformatic } from '../platformatic.ts'
import { run } from '../program.ts'
import { filledTopic, little, newName } from '../records.ts'
import type { Row } from '../row.ts'

export const platformaticRow: Row = {
  name: 'platformatic-start',
  what: "from a fresh KIP-848 group's start to its first record in @platformatic/kafka",
  unit: 'ms',
  limit: 100,
  without: { mock: 'refuses ApiVersions 4, which is all that @platformatic/kafka asks for' },
  install: installPlatformatic,
  async measure(server) {
    const { topic } = await filledTopic(server, little)
    return Number(await run(platformatic('first-record.js', server.address, topic, newName('group'))))
  },
}
