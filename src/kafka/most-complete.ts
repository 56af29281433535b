// How many brokers are asked before something counts as unknown.
const opinions = 3

/**
 * Resolves with the first answer that lacks nothing, or else with the one of several that lacks least. A broker that lags
 * behind does not know what is new, and one that was cut off may not for long: so what is lacking is unknown, or gone,
 * only where several brokers say so, or the only one that answers says so twice.
 *
 * @param ask Asks a broker whose address is not among those that have been heard, if there is any, and adds it to them.
 */
export async function mostComplete<Answer>(
  ask: (heard: Set<string>) => Promise<Answer>,
  lacking: (answer: Answer) => number,
): Promise<Answer> {
  const heard = new Set<string>()
  let best = await ask(heard)
  let fewest = lacking(best)
  for (let asked = 1; fewest > 0 && asked < opinions; asked++) {
    // Nobody else answers.
    if (heard.size < asked) break
    const answer = await ask(heard)
    const lacks = lacking(answer)
    if (lacks <= fewest) [best, fewest] = [answer, lacks]
  }
  return best
}
