import type { Topic } from '../log/topic.ts'

/** Some topics as they are, in one text: another one once any of them has come, has grown, has gone, or was made anew. */
export function topicStates(names: readonly string[], topics: ReadonlyMap<string, Topic>): string {
  return names
    .flatMap(name => topics.get(name) ?? [])
    .map(({ id, partitionCount }) => `${id} ${partitionCount}`)
    .join()
}
