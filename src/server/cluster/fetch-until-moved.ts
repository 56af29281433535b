import type { Handler } from '../handler.ts'
import type { Wire } from '../wire.ts'

/** Ends the wait of a Fetch when leaders move: it is then answered by what its broker still leads. */
export function fetchUntilMoved(wire: Wire, handler: Handler): Handler {
  const { listeners } = wire.cluster
  return {
    api: handler.api,
    async handle(request, context) {
      const waiting = new AbortController()
      const end = () => waiting.abort()
      let moved = false
      const move = () => {
        moved = true
        end()
      }
      if (context.signal.aborted) end()
      context.signal.addEventListener('abort', end, { once: true })
      listeners.add(move)
      try {
        const response = await handler.handle(request, { ...context, signal: waiting.signal })
        // A fetch takes nothing from the log, so it can be done once more.
        return moved ? handler.handle({ ...(request as object), maxWaitMs: 0 }, context) : response
      } finally {
        context.signal.removeEventListener('abort', end)
        listeners.delete(move)
      }
    },
  }
}
