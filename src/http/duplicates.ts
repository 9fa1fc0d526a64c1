/**
 * Names that stand twice in one object. JSON.parse takes the last of them and says nothing, another reader takes the first:
 * two that read one text would pay different amounts (RFC 8259, section 4).
 */

interface Frame {
  /** Null in a list. */
  names: Set<string> | null
  /** The name, or the position, that is being read. */
  at: string | number
}

/** The path of a name that stands twice, or null. `text` is JSON; what is not has been refused before. */
export function repeatedName(text: string): string | null {
  const open: Frame[] = []
  let isName = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    const frame = open.at(-1)
    if (character === '"') {
      const end = endOfString(text, at)
      if (isName && frame !== undefined && isRepeated(frame, text.slice(at, end + 1)))
        return open.map(each => each.at).join('.')
      isName = false
      at = end
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? { names: new Set(), at: '' } : { names: null, at: 0 })
      isName = character === '{'
    } else if (character === '}' || character === ']') open.pop()
    else if (character === ',') isName = next(frame)
  }
  return null
}

/** Behind a comma: whether a name follows. */
function next(frame: Frame | undefined): boolean {
  if (typeof frame?.at === 'number') frame.at += 1
  return frame?.names instanceof Set
}

function isRepeated(frame: Frame, quoted: string): boolean {
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
  frame.at = name
  if (frame.names?.has(name) === true) return true
  frame.names?.add(name)
  return false
}

/** The quote that ends the string which begins here: one that an even number of backslashes stands before. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end >= 0 && backslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function backslashesBefore(text: string, at: number): number {
  let count = 0
  while (text[at - 1 - count] === '\\') count += 1
  return count
}
