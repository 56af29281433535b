/** Something that has to be closed before the process ends by itself. */
export interface Closable {
  closeAtExit(): void
}

const open = new Set<Closable>()

function closeAll(): void {
  for (const each of [...open]) each.closeAtExit()
}

/**
 * Closes `each` when nothing else keeps the process alive ('beforeExit'): in memory no record can arrive any more then.
 * One listener serves all, and only while there is something to close.
 */
export function closeBeforeExit(each: Closable): void {
  if (open.size === 0) process.on('beforeExit', closeAll)
  open.add(each)
}

/** Takes `each` back, because it is closed already. */
export function forgetAtExit(each: Closable): void {
  open.delete(each)
  if (open.size === 0) process.off('beforeExit', closeAll)
}
