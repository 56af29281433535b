/** What a call throws; the test fails where it throws nothing. */
export function thrownBy(call: () => unknown): Error & Record<string, unknown> {
  try {
    call()
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('nothing was thrown')
}

/** What a promise rejects with; the test fails where it resolves. */
export async function rejectionOf(promise: PromiseLike<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('it was not rejected')
}
