/**
 * The file of `--resolve`: addresses for the host names that DNS clusters use, so that nothing resolves silently and a compile is the same
 * everywhere. In: JSON or YAML ({"db.example": ["127.0.0.9"]} or [{name, addresses}]), or lines in the form `name address...` or, as in
 * /etc/hosts, `address name...`. Out: name (lower case, without a trailing dot) -> addresses in the order given.
 */
import { isIP } from 'node:net'
import { parse as parseYaml } from 'yaml'
import type { Diagnostics } from './diag/diagnostic.ts'

export type Resolution = ReadonlyMap<string, readonly string[]>

const FIX = 'write {"name": ["address", ...]}, or lines of "name address..."'

export function readResolution(text: string, file: string, diag: Diagnostics): Resolution {
  const table = new Map<string, string[]>()
  const bad = (message: string): void =>
    diag.report({ code: 'KM1801', severity: 'error', path: '', message: `${file}: ${message}`, fix: FIX })
  for (const [name, addresses] of pairs(text, bad)) {
    const wrong = addresses.find((address) => isIP(address) === 0)
    if (wrong !== undefined) bad(`"${wrong}" of "${name}" is not an IP address`)
    else table.set(canonicalHost(name), [...new Set([...(table.get(canonicalHost(name)) ?? []), ...addresses])])
  }
  return table
}

/** Host names compare without case and without the root dot. */
export const canonicalHost = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function pairs(text: string, bad: (message: string) => void): readonly (readonly [string, readonly string[]])[] {
  const trimmed = text.trim()
  if (trimmed === '') return []
  const structured = /^[[{]/.test(trimmed) || /^("[^"]+"|[^\s#:]+):(\s|$)/m.test(trimmed) || /^- /m.test(trimmed)
  if (!structured) return trimmed.split('\n').flatMap((line) => linePairs(line, bad))
  let value: unknown
  try {
    value = parseYaml(trimmed)
  } catch (error) {
    bad(`neither JSON nor YAML: ${(error as Error).message.split('\n', 1)[0]}`)
    return []
  }
  if (Array.isArray(value)) return value.flatMap((entry) => entryPairs(entry, bad))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).map(([name, addresses]) => [name, listOf(addresses)] as const)
  bad('neither a map nor a list')
  return []
}

function linePairs(line: string, bad: (message: string) => void): readonly (readonly [string, readonly string[]])[] {
  const words = line
    .replace(/#.*/, '')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  const [first, ...rest] = words
  if (first === undefined) return []
  if (rest.length === 0) {
    bad(`"${first}" has no address`)
    return []
  }
  return isIP(first) === 0 ? [[first, rest]] : rest.map((name) => [name, [first]] as const)
}

function entryPairs(entry: unknown, bad: (message: string) => void): readonly (readonly [string, readonly string[]])[] {
  const { name, addresses, address } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>
  if (typeof name === 'string') return [[name, listOf(addresses ?? address)]]
  bad('a list entry has no "name"')
  return []
}

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : String(value).split(/[\s,]+/)
