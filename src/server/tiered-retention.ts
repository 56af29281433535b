import { InvalidArgumentError } from '../errors.ts'

const [unlimited, asTotal] = [-1, -2]

/**
 * Refuses what brokers cannot say of tiered storage: to keep more on their own disks than there is, or to copy only later
 * what is not there any more. (Kafka: DynamicLogConfig.validateReconfiguration)
 *
 * @throws InvalidArgumentError
 */
export function requireTiers(settingOf: (name: string) => number): void {
  for (const unit of ['ms', 'bytes']) {
    const [retention, local, lag] = [
      `log.retention.${unit}`,
      `log.local.retention.${unit}`,
      `log.remote.copy.lag.${unit}`,
    ] as const
    const total = settingOf(retention)
    const own = settingOf(local)
    if (total !== unlimited && own === unlimited)
      throw refusal(local, own, `Value must not be -1 as ${retention} value is set as ${total}.`)
    if (total !== unlimited && own > total)
      throw refusal(local, own, `Value must not be more than ${retention} property value: ${total}`)
    const most = own === asTotal ? total : own
    const later = settingOf(lag)
    if (most !== unlimited && later > most)
      throw refusal(lag, later, `Value must not exceed ${local} (effective value: ${most})`)
  }
}

function refusal(name: string, value: number, why: string): InvalidArgumentError {
  const message = `Invalid value ${value} for configuration ${name}: ${why}`
  return new InvalidArgumentError(message, { option: name, received: value })
}
