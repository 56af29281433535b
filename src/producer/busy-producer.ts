import type { ClientCloseOptions, Engine, EngineClient, Unread } from '../engine.ts'

/** What a busy producer needs of its producer. */
export interface BusyProducerHost {
  readonly engine: Engine
  readonly clientId: string
  close(options: ClientCloseOptions): Promise<void>
}

/** A producer with sends or transactions under way: its engine counts it in `idle()`, and closes it. */
export class BusyProducer implements EngineClient {
  readonly #host: BusyProducerHost
  readonly #doing: () => string | undefined
  #tracked = false

  /** `doing`: what is under way, to follow "Producer 'x'" in a sentence; undefined where nothing is. */
  constructor(host: BusyProducerHost, doing: () => string | undefined) {
    this.#host = host
    this.#doing = doing
  }

  begin(): void {
    if (this.#tracked) return
    this.#tracked = true
    this.#host.engine.track(this)
  }

  end(): void {
    if (!this.#tracked) return
    this.#tracked = false
    this.#host.engine.untrack(this)
  }

  pending(): string[] {
    const doing = this.#doing()
    return doing === undefined ? [] : [`Producer '${this.#host.clientId}' ${doing}`]
  }

  async close(options: ClientCloseOptions): Promise<readonly Unread[]> {
    await this.#host.close(options)
    return []
  }
}
