import { serve } from '../program.ts'
import { installPython, python } from '../python.ts'
import type { ServerKind } from '../server.ts'

/** librdkafka's mock cluster, of one broker, that does not wait for more members of a new group. */
export const mock: ServerKind = {
  name: 'mock',
  install: installPython,
  async start() {
    const { greeting, pid, ask, close } = await serve(python('mock.py'))
    const [address, version] = greeting.split(' ')
    const tell = async (line: string) => {
      const answer = await ask(line)
      if (answer !== 'ok') throw new Error(`the mock cluster answers '${answer}' to '${line}'`)
    }
    return {
      address: address!,
      version: `librdkafka ${version}`,
      pid,
      createTopic: (name, partitions) => tell(`create ${name} ${partitions}`),
      deleteTopic: name => tell(`delete ${name}`),
      close,
    }
  },
}
