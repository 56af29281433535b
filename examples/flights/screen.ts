import { clearScreenDown, cursorTo, moveCursor } from 'node:readline'
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** One line of progress. */
export interface Progress {
  readonly name: string
  readonly count: number
  /** The final count, where it is known. */
  readonly total: number | undefined
  readonly note: string
}

type Style = Parameters<typeof styleText>[0]

const barWidth = 24
const redrawMs = 80
const lineEveryMs = 1000

/**
 * Shows progress: on a terminal as lines that are rewritten, with events above them;
 * elsewhere as a plain line now and then.
 */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #progress: () => readonly Progress[]
  readonly #timer: NodeJS.Timeout
  #lines = 0
  #stopped = false

  constructor(out: NodeJS.WriteStream, progress: () => readonly Progress[]) {
    this.#out = out
    this.#progress = progress
    const show = out.isTTY ? () => this.#redraw() : () => this.#line()
    this.#timer = setInterval(show, out.isTTY ? redrawMs : lineEveryMs)
  }

  /** Shows an event. */
  event(text: string, style: Style = 'cyan'): void {
    this.#wipe()
    this.#out.write(`${this.#styled(style, text)}\n`)
    if (this.#out.isTTY) this.#redraw()
  }

  /** Shows the final progress, and stops. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#timer)
    if (this.#out.isTTY) this.#redraw()
    this.#lines = 0
  }

  #line(): void {
    const [first, ...rest] = this.#progress().map(({ name, count }) => `${name} ${formatCount(count)}`)
    this.#out.write(`${first}; ${rest.join(', ')}\n`)
  }

  #redraw(): void {
    const { columns } = this.#out as WriteStream
    const lines = this.#progress().map(({ name, count, total, note }) => {
      const bar = total === undefined ? ' '.repeat(barWidth) : toBar(count / total)
      return `${name.padEnd(11)} ${bar} ${formatCount(count).padStart(10)}  ${note}`.slice(0, columns - 1)
    })
    this.#wipe()
    this.#out.write(`\n${lines.join('\n')}\n`)
    this.#lines = lines.length + 1
  }

  #wipe(): void {
    if (this.#lines === 0) return
    moveCursor(this.#out, 0, -this.#lines)
    cursorTo(this.#out, 0)
    clearScreenDown(this.#out)
    this.#lines = 0
  }

  #styled(style: Style, text: string): string {
    return this.#out.isTTY && this.#out.hasColors() ? styleText(style, text, { validateStream: false }) : text
  }
}

function toBar(share: number): string {
  const filled = Math.round(Math.min(1, share) * barWidth)
  return '█'.repeat(filled) + '░'.repeat(barWidth - filled)
}

/** `3,000,000` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `1 consumer`, `12 partitions` */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}
