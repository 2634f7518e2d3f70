/**
 * Random URI templates, for matching and for rewriting. In: a sketch. Out: a template, a path that fits it most of the time, and its variables. Some are none.
 */
import type { Sketch } from './sketch.ts'

export interface RandomTemplate {
  readonly template: string
  readonly example: string
  readonly variables: readonly string[]
}

type Piece = readonly [template: string, example: string]

export function randomTemplate(sketch: Sketch): RandomTemplate {
  const variables: string[] = []
  const variable = (): Piece => {
    const name = !sketch.odd(0.15)
      ? (['a', 'b', 'c', 'd', 'e', 'f'][variables.length % 6] as string)
      : sketch.one(['a', '1x', 'a_b', 'x'.repeat(17), 'a-b', ''])
    variables.push(name)
    const [pattern, example] = sketch.one<Piece>([
      ['', 'val'],
      ['', 'v2'],
      ['=*', 'star'],
      ['=**', 'x/y'],
      ['=lit', 'lit'],
      ['=v1/*', 'v1/z'],
      ['=*/k', 'z/k'],
      ['=a*', 'aa'],
      ...(sketch.odd(0.3) ? ODD_PATTERNS : []),
      ['=**/b', 'q/b'],
      ['=a.b', 'a.b'],
    ])
    return [`{${name}${pattern}}`, example]
  }
  const piece = (): Piece =>
    sketch.weighted<() => Piece>([
      [
        10,
        () =>
          sketch.one<Piece>([
            ['a', 'a'],
            ['api', 'api'],
            ['v1', 'v1'],
            ['x.html', 'x.html'],
            ['a+b', 'a+b'],
            ['a$', 'a$'],
            ['a%20', 'a%20'],
            ['~', '~'],
            ['(b)', '(b)'],
            ['a*', 'aa'],
            ['a*b', 'ab'],
            ['a**', 'aa'],
          ]),
      ],
      [8, variable],
      [4, () => ['*', 'any']],
      [1, () => ['**', 'any/more']],
      [sketch.odd(0.2) ? 2 : 0, () => ['***', 'any']],
      [2, () => combine(variable(), ['.txt', '.txt'])],
      [2, () => combine(['x', 'x'], variable())],
      [sketch.odd(0.3) ? 1 : 0, () => combine(combine(variable(), ['-', '-']), variable())],
      [sketch.odd(0.3) ? 1 : 0, () => combine(variable(), variable())],
      [sketch.odd(0.3) ? 1 : 0, () => combine(['*', 'any'], ['.html', '.html'])],
      [sketch.odd(0.3) ? 1 : 0, () => combine(['**', 'a/b'], ['.html', '.html'])],
      [sketch.odd(0.3) ? 1 : 0, () => combine(['*', 'q'], variable())],
      [
        sketch.odd(0.4) ? 2 : 0,
        () =>
          sketch.one<Piece>([
            ['', ''],
            ['{', '{'],
            ['}', '}'],
            ['a b', 'a b'],
            ['[x]', '[x]'],
            ['?', '?'],
            ['#', '#'],
            ['{a', 'a'],
            ['a}', 'a'],
            ['{}', 'a'],
            ['{a{b}}', 'a'],
            ['|', '|'],
            ['^', '^'],
            ['\u00e9', '\u00e9'],
          ]),
      ],
    ])()
  const pieces = sketch.many(1, 4, piece)
  const slash = sketch.odd(0.05) ? '' : '/'
  const end = sketch.chance(0.1) ? '/' : ''
  return {
    template: slash + pieces.map(([text]) => text).join('/') + end,
    example: `/${pieces.map(([, text]) => text).join('/')}${end}`,
    variables,
  }
}

const ODD_PATTERNS: readonly Piece[] = [
  ['=', ''],
  ['=a/', 'a/'],
  ['=/a', '/a'],
  ['=*a', 'za'],
  ['=a//b', 'a'],
  ['=***', 'a'],
  ['=a=b', 'a=b'],
]

function combine([a, b]: Piece, [c, d]: Piece): Piece {
  return [a + c, b + d]
}

/** `variables`: of the match; sometimes others are asked for */
export function randomRewriteTemplate(sketch: Sketch, variables: readonly string[]): string {
  const pieces = sketch.many(1, 3, () =>
    sketch.weighted([
      [6, variables.length > 0 ? `{${sketch.one(variables)}}` : 'lit'],
      [4, sketch.one(['new', 'v2', 'x.html', 'a*b'])],
      [1, variables.length > 0 ? `x-{${sketch.one(variables)}}.t` : 'x'],
      [sketch.odd(0.3) ? 3 : 0, sketch.one(['{zz}', '{', 'a b', '', '{a=*}', '*', '?x', '\u00e9'])],
    ]),
  )
  return `${sketch.odd(0.1) ? '' : '/'}${pieces.join('/')}${sketch.chance(0.1) ? '/' : ''}`
}
