import path from 'node:path'

/** A bug put into the core on purpose, to see that the simulation or a test notices. It is never in what ships. */
export interface Mutation {
  /** What is wrong, in a few words; it is how one is asked for, too. */
  readonly name: string
  /** Where, under `src`. */
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** The promise that it breaks. */
  readonly breaks: string
}

export const root: string = path.resolve(import.meta.dirname, '..', '..')

/** The file that a mutation changes. */
export function pathOf({ file }: Mutation): string {
  return path.join(root, 'src', file)
}

/** The text of its file with the bug in it. */
export function mutate({ name, file, find, replace }: Mutation, text: string): string {
  const places = text.split(find).length - 1
  if (places !== 1)
    throw new Error(`Mutation '${name}': its text is ${places} times in src/${file}, not once`)
  // A function, because a replacement may hold a dollar sign.
  return text.replace(find, () => replace)
}
