/** The line that a process prints when its warm-up is over: later deoptimisations count. */
export const measuring = 'measuring'
