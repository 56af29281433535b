type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

const samples: unknown[] = []

/**
 * A constructor of plain objects: their prototype is that of an object literal. For objects that are made for each
 * record and soon dropped.
 *
 * V8 decides for each literal of the program, once and early, whether what it makes lives long, and allocates it as old
 * from then on. While the collector marks, all that is stored anywhere counts as alive. So, by chance, it can take the
 * garbage of the first batches for what is kept, and then a record costs nearly twice as much until the process ends.
 * Constructors are not decided about.
 */
export function plainObject<Made, Values extends unknown[]>(
  construct: (this: Writable<Made>, ...values: Values) => void,
): new (
  ...values: Values
) => Made {
  construct.prototype = Object.prototype
  const Made = construct as unknown as new (...values: unknown[]) => Made
  // As long as V8 has seen only one kind of object in a field, it looks into each that is put there, and so waits for
  // memory that is not in the processor's cache. It forgets what it has seen if no object is left.
  for (const value of [0, '']) samples.push(new Made(...new Array(construct.length).fill(value)))
  return Made
}
