import type { ErrorFields } from '../errors.ts'
import type { Api } from './library-messages.ts'

/** A request to the cluster, and how to read its response. */
export interface Ask<Request extends readonly unknown[], Response> {
  /** What was tried, for error messages. */
  readonly what: string
  /** The fields of errors. */
  readonly fields?: ErrorFields
  readonly api: Api<Request, Response>
  /** Builds the request anew for each attempt. */
  request(): Readonly<Request>
  /** The error code in a response, by Kafka's number; 0 for none. */
  errno(response: Response): number
  message?(response: Response): string | null | undefined
  /** Whether it may wait for the controller or for replicas: what is answered at once must not wait behind it. */
  readonly waits?: boolean
  /** Whether it is a heartbeat: a member must not fall silent behind what takes its coordinator some time. */
  readonly beats?: boolean
  /** Since when it is tried, by the monotonic clock; default now. */
  readonly since?: number
  /** Whether a request that is under way when the time is over is still waited for; default false. */
  readonly outlasts?: boolean
  /** The addresses of brokers that have answered: others are asked while there are any. Whoever answers is then the last. */
  readonly heard?: Set<string>
  /** Whether to try again after a retriable failure. Default always. */
  goesOn?(error: unknown): boolean | Promise<boolean>
}
