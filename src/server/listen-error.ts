import { optionError } from '../validate.ts'

/**
 * What is wrong with the port or the host that cannot be listened at. Node's own error, which only says that a call of the
 * system failed, is its cause.
 */
export function listenError(host: string, port: number, cause: Error): Error {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return optionError('serve', 'port', `is ${port}, which is taken at ${host}`, { received: port, cause })
    case 'EACCES':
      return optionError('serve', 'port', `is ${port}, at which this process may not listen`, {
        received: port,
        cause,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return optionError('serve', 'host', `is ${host}, which is no address of this machine`, {
        received: host,
        cause,
      })
    default:
      return cause
  }
}
