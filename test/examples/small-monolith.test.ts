import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

async function placeOrder(url: string, customer: string, total: number): Promise<number> {
  const { status } = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'x-tenant': 'acme' },
    body: JSON.stringify({ customer, total }),
  })
  return status
}

/** Begins a request, and does not end it. */
function begin(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write('POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{')
  return socket
}

/** Ends the request that was begun, asks once more on the same connection, and resolves to the answers. */
async function askOnceMore(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  socket.write('}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'close')
  return text
}

/** Asks until the answer is the one that is waited for. */
async function until(url: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const text = await (await fetch(url)).text()
    if (pattern.test(text)) return text
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

it('takes orders, buries what fails, redrives it, and finishes everything on SIGTERM, also beside a request that hangs', {
  timeout: 60_000,
}, async () => {
  const answers: unknown[] = []
  let failure: unknown
  let kept: Socket | undefined
  let last: Promise<string> | undefined
  const talk = async (url: string, kill: (signal: NodeJS.Signals) => void) => {
    answers.push(await placeOrder(url, 'ada', 10), await placeOrder(url, 'bob', 20))
    answers.push(await placeOrder(url, 'ada', Number.NaN))
    const garbled = await Promise.all(
      ['{', 'null'].map(body => fetch(`${url}/orders`, { method: 'POST', body })),
    )
    answers.push(garbled.map(({ status }) => status))
    // Prometheus 3 takes no metrics without it.
    answers.push((await fetch(`${url}/metrics`)).headers.get('content-type'))
    await until(
      `${url}/metrics`,
      /^brokerlet_events_total\{event="deadLettered",consumergroup="billing"\} 1$/m,
    )
    answers.push((await fetch(`${url}/health`)).status)
    kill('SIGUSR2')
    // The signal may come after the redrive: then the record is a dead letter once more.
    for (;;) {
      const { moved } = (await (await fetch(`${url}/redrive`, { method: 'POST' })).json()) as {
        moved: number
      }
      if (moved === 0) break
      await until(
        `${url}/metrics`,
        /^kafka_consumergroup_lag\{consumergroup="billing",topic="orders",partition="\d+"\} 0$/m,
      )
    }
    begin(url)
    kept = begin(url)
    const more = await Promise.all(Array.from({ length: 20 }, (_, i) => placeOrder(url, `customer-${i}`, i)))
    answers.push(more.every(status => status === 202))
    kill('SIGTERM')
  }
  process.env.UNREACHABLE = 'bob'
  const { exit, lines, errors } = await runExample('small-monolith/server.ts', {
    onLine: (line, kill) => {
      if (line === 'SIGTERM: closing') last = askOnceMore(kept!)
      const [url] = /http:\S+$/.exec(line) ?? []
      if (url === undefined) return
      talk(url, kill).catch(error => {
        failure = error
        kill('SIGKILL')
      })
    },
  })
  delete process.env.UNREACHABLE

  expect(failure).toBeUndefined()
  expect(answers).toEqual([202, 202, 400, [400, 400], 'text/plain; version=0.0.4', 200, true])
  expect(
    errors.replaceAll(
      /^.*BrokerletWarning: .* wrote offset .*\n(Error: .*\n( {4}at .*\n)+)?|^\(Use `node --trace-warnings.*\n/gm,
      '',
    ),
  ).toBe('')
  expect(exit).toBe(0)
  // Who keeps a connection is told to ask no more on it.
  expect((await last)!.match(/^(HTTP|connection: close).*/gim)).toEqual([
    'HTTP/1.1 400 Bad Request',
    'HTTP/1.1 200 OK',
    'connection: close',
  ])
  expect(
    lines.filter(line => line.endsWith('the bank of bob does not answer')).length,
  ).toBeGreaterThanOrEqual(3)
  // Each order is ordered once and paid once, the redriven one, too.
  expect(lines.slice(-2)).toEqual(['SIGTERM: closing', 'closed: 22 shipped, 44 mails'])
})
