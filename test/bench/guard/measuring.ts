/** What a process prints when its warm-up is over: deoptimisations after it count. */
export const measuring = 'measuring'
