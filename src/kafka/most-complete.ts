// How many brokers are asked before something counts as unknown.
const opinions = 3

/** How to tell what answers lack. */
export interface Completeness<Answer> {
  /** Asks a broker whose address is not among those that have been heard, if there is any, and adds it to them. */
  ask(heard: Set<string>): Promise<Answer>
  /** The names of what an answer lacks. */
  lacking(answer: Answer): ReadonlySet<string>
  /** An answer with what it lacks, from an earlier one that has it. */
  completed(answer: Answer, names: ReadonlySet<string>, earlier: Answer): Answer
}

/**
 * Resolves with the first answer that lacks nothing, or else with what several have together. A broker that lags behind
 * does not know what is new, and one that was cut off may not for long: so what is lacking is unknown, or gone, only where
 * several brokers say so, or the only one that answers says so twice.
 */
export async function mostComplete<Answer>({
  ask,
  lacking,
  completed,
}: Completeness<Answer>): Promise<Answer> {
  const heard = new Set<string>()
  let known: Answer = await ask(heard)
  let lacks = lacking(known)
  for (let asked = 1; lacks.size > 0 && asked < opinions; asked++) {
    // Nobody else answers.
    if (heard.size < asked) break
    const answer = await ask(heard)
    const lacksToo = lacking(answer)
    const had = new Set([...lacksToo].filter(name => !lacks.has(name)))
    known = had.size > 0 ? completed(answer, had, known) : answer
    lacks = new Set([...lacksToo].filter(name => lacks.has(name)))
  }
  return known
}
