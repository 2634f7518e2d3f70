/**
 * Random regular expressions of RE2's syntax. In: a sketch; an alphabet of the texts they are for. Out: a pattern and a text that it was drawn to match, most of
 * the time. Some patterns RE2 refuses, some are too large for Envoy.
 */
import type { Sketch } from './sketch.ts'

export interface RandomRegex {
  readonly pattern: string
  readonly example: string
}

/** `where`: paths hold visible ASCII only, values anything */
export function randomRegex(sketch: Sketch, where: 'path' | 'value'): RandomRegex {
  const { pattern, example } = sequence(sketch, where, 2)
  const flags = sketch.weighted([
    [12, ''],
    [3, '(?i)'],
    [1, '(?s)'],
    [1, '(?U)'],
    [1, '(?m)'],
  ])
  const anchored = sketch.chance(0.1) ? `^${pattern}$` : sketch.chance(0.03) ? `\\A${pattern}\\z` : pattern
  const whole = flags + anchored
  return {
    pattern: whole === '' && !sketch.odd(0.2) ? 'a?' : whole,
    example: flags === '(?i)' && sketch.chance(0.5) ? swapCase(sketch, example) : example,
  }
}

function swapCase(sketch: Sketch, text: string): string {
  return sketch.chance(0.5) ? text.toUpperCase() : text.toLowerCase()
}

function sequence(sketch: Sketch, where: 'path' | 'value', depth: number): RandomRegex {
  const parts = sketch.many(1, 4, () => repeated(sketch, where, depth))
  return { pattern: parts.map(({ pattern }) => pattern).join(''), example: parts.map(({ example }) => example).join('') }
}

function repeated(sketch: Sketch, where: 'path' | 'value', depth: number): RandomRegex {
  const atom = randomAtom(sketch, where, depth)
  const lazy = sketch.chance(0.15) ? '?' : ''
  switch (sketch.whole(0, 12)) {
    case 0:
      return atom.pattern === '' ? atom : { pattern: `${atom.pattern}*${lazy}`, example: atom.example.repeat(sketch.whole(0, 2)) }
    case 1:
      return atom.pattern === '' ? atom : { pattern: `${atom.pattern}+${lazy}`, example: atom.example.repeat(sketch.whole(1, 2)) }
    case 2:
      return atom.pattern === '' ? atom : { pattern: `${atom.pattern}?${lazy}`, example: sketch.chance(0.5) ? atom.example : '' }
    case 3: {
      if (atom.pattern === '') return atom
      const least = sketch.whole(0, 3)
      const most = least + sketch.whole(0, 3)
      const bound = sketch.one([`{${least}}`, `{${least},}`, `{${least},${most}}`])
      return { pattern: atom.pattern + bound + lazy, example: atom.example.repeat(least) }
    }
    case 4:
      return sketch.chance(0.1) ? { pattern: `${atom.pattern}{1,${sketch.whole(10, 60)}}`, example: atom.example } : atom
    default:
      return atom
  }
}

function randomAtom(sketch: Sketch, where: 'path' | 'value', depth: number): RandomRegex {
  if (depth > 0 && sketch.chance(0.2)) return group(sketch, where, depth - 1)
  if (sketch.odd(0.03)) {
    const [pattern, example] = sketch.one(REFUSED)
    return { pattern, example }
  }
  const [pattern, example] = sketch.one(where === 'path' ? ATOMS : [...ATOMS, ...BEYOND])
  return { pattern, example }
}

function group(sketch: Sketch, where: 'path' | 'value', depth: number): RandomRegex {
  const branches = sketch.many(1, 3, () => sequence(sketch, where, depth))
  const chosen = sketch.one(branches)
  const open = sketch.one(['(', '(', '(?:', '(?i:', '(?P<n>', '(?-i:'])
  return { pattern: `${open}${branches.map(({ pattern }) => pattern).join('|')})`, example: chosen.example }
}

const ATOMS: readonly (readonly [string, string])[] = [
  ['a', 'a'],
  ['b', 'b'],
  ['/', '/'],
  ['/', '/'],
  ['v1', 'v1'],
  ['api', 'api'],
  ['K', 'K'],
  ['s', 's'],
  ['.', 'x'],
  ['.', 'a'],
  ['[a-c]', 'b'],
  ['[^/]', 'q'],
  ['[^/]', 'A'],
  ['\\d', '7'],
  ['\\w', '_'],
  ['\\W', '-'],
  ['\\D', 'a'],
  ['\\S', 'a'],
  ['\\.', '.'],
  ['[[:alpha:]]', 'z'],
  ['[[:^digit:]]', 'z'],
  ['[[:upper:]_]', 'Q'],
  ['\\pL', 'L'],
  ['\\p{Lu}', 'L'],
  ['\\P{Ll}', '1'],
  ['\\p{Greek}', 'x'],
  ['\\x61', 'a'],
  ['\\x{62}', 'b'],
  ['\\141', 'a'],
  ['\\Qa.b\\E', 'a.b'],
  ['\\b', ''],
  ['\\B', ''],
  ['\\C', 'a'],
  ['[]a]', ']'],
  ['[a\\-z]', '-'],
  ['[+--]', '-'],
  ['%[0-9A-F]{2}', '%2F'],
  ['~', '~'],
  ['\\-', '-'],
  ['', ''],
  ['$', ''],
  ['^', ''],
]
const REFUSED: readonly (readonly [string, string])[] = [
  ['(', '('],
  [')', ')'],
  ['[', '['],
  ['\\', ''],
  ['x{1001}', 'x'],
  ['(?P<n>a)(?P<n>b)', 'ab'],
  ['[[:foo:]]', 'a'],
  ['\\p{Foo}', 'a'],
  ['{2}', 'a'],
  ['\\1', '1'],
  ['(?=a)', 'a'],
  ['[z-a]', 'z'],
  ['a**', 'a'],
  ['\\8', '8'],
  ['\\Z', ''],
]
const BEYOND: readonly (readonly [string, string])[] = [
  ['\u00e9', '\u00e9'],
  ['\u00e9', '\u00c9'],
  ['[\u00e0-\u00ff]', '\u00e9'],
  ['[^a]', '\u00e9'],
  ['..', '\u00e9'],
  ['\\C\\C', '\u00e9'],
  ['\\x{e9}', '\u00e9'],
  ['\\xc3\\xa9', '\u00e9'],
  ['\\p{L}', '\u00e9'],
  ['caf\u00e9', 'caf\u00e9'],
  ['\u20ac', '\u20ac'],
  ['\\s', ' '],
  ['[^\u00e9]', 'a'],
]
