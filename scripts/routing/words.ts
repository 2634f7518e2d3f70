/** The vocabulary of random routes: few words, so that what one route asks for is nearly what another one does. In: a sketch. Out: texts. */
import type { Sketch } from './sketch.ts'

export const HEADER_NAMES = [
  'x-a',
  'x-b',
  'X-Mixed',
  'x-num',
  'cookie',
  'user-agent',
  'accept',
  'x-empty',
  'referer',
  'x-forwarded-for',
  'authorization',
] as const
const VALUES = [
  'a',
  'A',
  'ab',
  'abc',
  'b',
  'a,b',
  '1',
  '10',
  'k=v',
  'a b',
  '\u00e9',
  'caf\u00e9',
  '\u00c9',
  'a\u00e9b',
  'gzip, br',
  'x'.repeat(40),
  '"q"',
  'a;b=c',
  '0',
  '-1',
] as const
const SEGMENTS = [
  'a',
  'b',
  'api',
  'API',
  'v1',
  'foo',
  'foobar',
  'img',
  'x.html',
  'a-b',
  '_s',
  '1',
  '12',
  'a%20b',
  'a%2Fb',
  '%61',
  '*',
  'a;p=1',
  '~u',
  'a+b',
  "it's",
  '(x)',
  '@',
  'a=b',
  '$x',
  'a:b',
  '!',
] as const
const HOSTS = [
  'a.com',
  'b.com',
  'www.a.com',
  'api.a.com',
  'x.y.a.com',
  'a',
  'svc.ns',
  'a.co',
  'xn--a',
  '10.0.0.1',
  '[::1]',
  'A.Com',
  'a_b.com',
] as const

export function value(sketch: Sketch): string {
  return sketch.one(VALUES)
}

export function headerName(sketch: Sketch): string {
  return sketch.one(HEADER_NAMES)
}

/** starts with "/" */
export function path(sketch: Sketch): string {
  const text = `/${sketch.many(0, 3, () => sketch.one(SEGMENTS)).join('/')}${sketch.chance(0.15) ? '/' : ''}`
  return sketch.chance(0.04) ? text.replace('/', '//') : text
}

export function segment(sketch: Sketch): string {
  return sketch.one(SEGMENTS)
}

export function host(sketch: Sketch): string {
  const text = sketch.one(HOSTS)
  return sketch.chance(0.25) ? `${text}:${sketch.one(['80', '8080', '443', '1'])}` : text
}

export function queryName(sketch: Sketch): string {
  return sketch.one(['k', 'q', 'K', 'a', 'k%20', 'id', 'a.b'])
}

/** a text near another one: a character more, less or other */
export function near(sketch: Sketch, text: string): string {
  const at = sketch.whole(0, Math.max(0, text.length - 1))
  switch (sketch.whole(0, 9)) {
    case 0:
      return text.slice(0, -1)
    case 1:
      return text + sketch.one(['a', '/', '.', '1', 'Z', '-', ':', '%20', '\u00e9'])
    case 2:
      return text.slice(0, at) + sketch.one(['a', 'X', '/', '.', '0', '%', '+']) + text.slice(at + 1)
    case 3:
      return text.toUpperCase()
    case 4:
      return text.toLowerCase()
    case 5:
      return text.slice(0, at) + text.slice(at + 1)
    case 6:
      return text.slice(0, at) + sketch.one(['a', '/', 'b', '%2f', '.']) + text.slice(at)
    case 7:
      return `${sketch.one(['a', 'x.', '/', 'z'])}${text}`
    default:
      return text
  }
}
