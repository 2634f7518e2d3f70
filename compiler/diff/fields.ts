/**
 * Plain content as fields by name. In: what no fact says of an item. Out: path below the item -> value as text. Elements of a list are called by their own name
 * where each has one, else by index. Invariant: no secret gets out; a private key, password or token is shown as a digest.
 */
import { createHash } from 'node:crypto'
import { isObject, type Plain, textAt, without } from './plain.ts'

const SECRET =
  /(?:^|\.|")(?:private_key|password|passphrase|session_ticket_keys|generic_secret|hmac_secret|client_secret|token_secret)(?:$|[."[])/
const LONGEST = 200

export function fieldsOf(value: Plain): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  collect(value, '', found)
  return found
}

function collect(value: Plain, path: string, found: Map<string, string>): void {
  if (Array.isArray(value)) {
    const list = value as readonly Plain[]
    const names = namesOf(list)
    if (list.every((item) => typeof item !== 'object' || item === null)) found.set(path, shown(path, `[${list.map(leaf).join(', ')}]`))
    else if (names === undefined) for (const [index, item] of list.entries()) collect(item, `${path}[${index}]`, found)
    else for (const [index, item] of list.entries()) collect(without(item, 'name'), `${path}[${JSON.stringify(names[index])}]`, found)
  } else if (isObject(value)) {
    const entries = Object.entries(value)
    if (entries.length === 0 && path !== '') found.set(path, '{}')
    for (const [name, item] of entries) collect(item, joined(path, name), found)
  } else found.set(path, shown(path, leaf(value)))
}

function joined(path: string, name: string): string {
  const step = /^[A-Za-z_@]\w*$/.test(name) ? name : JSON.stringify(name)
  return path === '' ? step : `${path}.${step}`
}

const leaf = (value: Plain): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

function shown(path: string, text: string): string {
  if (SECRET.test(path)) return `(hidden, sha256 ${digest(text)})`
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}... (sha256 ${digest(text)})` : text
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** `name`, or that of a header to add; undefined when elements lack one or share one. */
function namesOf(list: readonly Plain[]): readonly string[] | undefined {
  const names = list.map((item) => textAt(item, 'name') || textAt(item, 'header', 'key'))
  return names.includes('') || new Set(names).size !== names.length ? undefined : names
}
