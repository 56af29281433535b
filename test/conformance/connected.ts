import { connect } from '../../src/kafka/index.ts'
import type { EngineUnderTest, Place } from './engine-under-test.ts'

/** Programs that are connected to a broker at an address. `close` is called with them, for what is theirs alone. */
export async function connected(
  address: string,
  topics: Parameters<EngineUnderTest['open']>[0],
  close: () => Promise<void> = async () => {},
): Promise<Place> {
  const options = {
    bootstrapBrokers: [address],
    topics,
    createTopics: true,
    // Sooner than by default: tests wait for it.
    autoCommitIntervalMs: 50,
    metadataMaxAgeMs: 500,
    fetchMaxWaitMs: 100,
  }
  const programs = [await connect(options)]
  const pubSub = programs[0]!
  return {
    pubSub,
    another: async () => {
      const program = await connect(options)
      programs.push(program)
      return program
    },
    close: async () => {
      await Promise.all(programs.map(program => program.close({ timeoutMs: 1000 })))
      await close()
    },
  }
}
