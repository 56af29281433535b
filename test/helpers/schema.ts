import type { StandardSchemaV1 } from '../../src/standard-schema.ts'

export type Validate = (value: unknown) => unknown

/** A Standard Schema made by hand. */
export function schemaOf(validate: Validate): StandardSchemaV1<any, any> {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as never } }
}

/** A schema that answers when a test says so. */
export function slowSchema() {
  const waiting: {
    value: unknown
    pass(): void
    refuse(message: string): void
    fail(error: unknown): void
  }[] = []
  const schema = schemaOf(
    value =>
      new Promise((resolve, reject) =>
        waiting.push({
          value,
          pass: () => resolve({ value }),
          refuse: message => resolve({ issues: [{ message }] }),
          fail: reject,
        }),
      ),
  )
  return { schema, waiting }
}
