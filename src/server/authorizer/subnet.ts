import { isIP } from 'node:net'

/** The IP addresses that begin with the same bits, as a text like `10.0.0.0/8` says it (CIDR). (Kafka: CidrUtils) */
export interface Subnet {
  readonly family: number
  /** The bits in which an address may differ from the others. */
  readonly free: bigint
  /** What the other bits are. */
  readonly start: bigint
}

/** The subnet that a text says; undefined if it is none. */
export function subnetOf(text: string): Subnet | undefined {
  const [, address = '', length = ''] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? []
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  if (family === 0 || Number(length) > bits) return undefined
  const free = BigInt(bits - Number(length))
  return { family, free, start: numberOf(address) >> free }
}

/** Whether an address is in a subnet; one of IPv4 is in none of IPv6. */
export function includesAddress({ family, free, start }: Subnet, address: string): boolean {
  return isIP(address) === family && numberOf(address) >> free === start
}

function numberOf(address: string): bigint {
  return isIP(address) === 4 ? joined(address.split('.').map(Number), 8n) : joined(groupsOf(address), 16n)
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((number, part) => (number << bits) | BigInt(part), 0n)
}

const groupCount = 8

// The eight numbers of an address of IPv6, of which `::` leaves some out that are 0.
function groupsOf(address: string): number[] {
  const [before = [], after = []] = address
    .replace(/%.*$/, '')
    .split('::')
    .map(half => (half === '' ? [] : half.split(':').flatMap(groups)))
  const missing = groupCount - before.length - after.length
  return [...before, ...Array.from({ length: missing }, () => 0), ...after]
}

// The last two may be written as an address of IPv4.
function groups(text: string): number[] {
  if (!text.includes('.')) return [Number.parseInt(text, 16)]
  const number = Number(numberOf(text))
  return [Math.floor(number / 0x1_0000), number % 0x1_0000]
}
