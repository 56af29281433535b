import { BlockList, isIP } from 'node:net'

const families = [
  { ip: 4, name: 'ipv4', bits: 32 },
  { ip: 6, name: 'ipv6', bits: 128 },
] as const

/** The IP addresses that begin with the same bits, as a text like `10.0.0.0/8` says it (CIDR). (Kafka: CidrUtils) */
export interface Subnet {
  readonly family: (typeof families)[number]
  readonly addresses: BlockList
}

/** The subnet that a text says; undefined if it is none. */
export function subnetOf(text: string): Subnet | undefined {
  const [, address = '', length = ''] = /^([^/]*)\/(\d{1,3})$/.exec(text) ?? []
  const family = familyOf(address)
  if (family === undefined || Number(length) > family.bits) return undefined
  const addresses = new BlockList()
  addresses.addSubnet(withoutZone(address), Number(length), family.name)
  return { family, addresses }
}

/** Whether an address is in a subnet; one of IPv4 is in none of IPv6. */
export function includesAddress({ family, addresses }: Subnet, address: string): boolean {
  return familyOf(address) === family && addresses.check(withoutZone(address), family.name)
}

function familyOf(address: string): Subnet['family'] | undefined {
  return families.find(({ ip }) => ip === isIP(address))
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '')
}
