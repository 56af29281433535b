/** The error that handlers and hooks throw when their plan says so. */
export class SimulatedFailure extends Error {
  constructor(what: string) {
    super(`simulated: ${what}`)
    this.name = 'SimulatedFailure'
  }
}
