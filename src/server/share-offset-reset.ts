/** Where a share group begins to read a partition that it has not read before (KIP-932). */
export type ShareOffsetReset = 'earliest' | 'latest' | { readonly durationMs: number }

// The syntax of java.time.Duration: days to seconds, each with a sign of its own if need be. More than 30 digits are
// beyond 64 bits, or zeros that nobody writes.
const duration =
  /^([+-]?)P(?:([+-]?\d{1,30})D)?(?:T(?=[+-]?\d)(?:([+-]?\d{1,30})H)?(?:([+-]?\d{1,30})M)?(?:([+-]?\d{1,30})(?:[.,](\d{0,9}))?S)?)?$/i

const secondsIn = [86_400n, 3600n, 60n, 1n]

/** Parses a `share.auto.offset.reset`; undefined if it is not valid. */
export function toShareOffsetReset(text: string): ShareOffsetReset | undefined {
  if (text === 'earliest' || text === 'latest') return text
  const [, iso] = /^by_duration:(.*)$/s.exec(text) ?? []
  const durationMs = iso === undefined ? undefined : parseDuration(iso)
  return durationMs === undefined || durationMs < 0 ? undefined : { durationMs }
}

/** Parses an ISO 8601 duration as milliseconds; undefined if it is none, or has more seconds than 64 bits count. */
function parseDuration(text: string): number | undefined {
  const [, sign, days, hours, minutes, seconds, fraction = ''] = duration.exec(text) ?? []
  const parts = [days, hours, minutes, seconds]
  if (parts.every(part => part === undefined)) return undefined
  const whole = parts.reduce(
    (sum, part, i) => sum + BigInt((part ?? '0').replace('+', '')) * secondsIn[i]!,
    0n,
  )
  if (BigInt.asIntN(64, whole) !== whole) return undefined
  const millis = Number(fraction.padEnd(3, '0').slice(0, 3)) * (seconds?.startsWith('-') ? -1 : 1)
  const total = Number(whole) * 1000 + millis
  return Math.min(sign === '-' ? -total : total, Number.MAX_SAFE_INTEGER)
}
