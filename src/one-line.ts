const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Escapes what would not stay on its line: clients may call themselves, and their groups, what they like. */
export function oneLine(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    control => named[control] ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
