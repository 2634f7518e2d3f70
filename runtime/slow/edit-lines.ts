/**
 * The header lines of a response that a route edits (proto/http/editing.ts). In: its lines, each with its line end and one character a byte; its status as formats see it. Out: the lines that go to
 * the client. Invariant: the same as bpf/lib/http/edit.h and runtime/holder/edit.c make of them.
 */
import type { ResponseEdits } from '../serve/slow-lane.ts'

export function editLines(lines: readonly string[], status: string, { names, parts }: ResponseEdits): string {
  const indexOf = (line: string): number => {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    return names.findIndex((one) => one.name === name)
  }
  const there = new Set(lines.map(indexOf))
  const kept = lines.filter((line) => names[indexOf(line)]?.drop !== true)
  const added = parts.map((part) => {
    if (part.if !== undefined && there.has(part.if.name) !== part.if.there) return ''
    return part.kind === 'status' ? status : part.text
  })
  return [...kept, ...added].join('')
}
