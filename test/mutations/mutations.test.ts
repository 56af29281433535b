import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { mutate, pathOf } from './mutation.ts'
import { mutations } from './mutations.ts'

// Whether each is caught takes minutes: `npm run mutations`.
it.each(mutations.map(mutation => [mutation.name, mutation] as const))(
  'the deliberate bug "%s" has its one place in the core',
  (_name, mutation) => {
    const text = readFileSync(pathOf(mutation), 'utf8')
    expect(mutate(mutation, text)).not.toBe(text)
  },
)

it('has at least twenty deliberate bugs, each of its own name', () => {
  expect(mutations.length).toBeGreaterThanOrEqual(20)
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length)
})
