type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

/**
 * A constructor of plain objects: their prototype is that of an object literal. For objects that are made for each
 * record and soon dropped.
 *
 * V8 decides for each literal of the program, once and early, whether what it makes lives long, and allocates it as old
 * from then on. While the collector marks, all that is stored anywhere counts as alive. So, by chance, it can take the
 * garbage of the first batches for what is kept, and then a record costs twice as much until the process ends.
 * Constructors are not decided about.
 */
export function plainObject<Made, Arguments extends unknown[]>(
  construct: (this: Writable<Made>, ...values: Arguments) => void,
): new (
  ...values: Arguments
) => Made {
  construct.prototype = Object.prototype
  return construct as unknown as new (
    ...values: Arguments
  ) => Made
}
