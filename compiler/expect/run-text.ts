/** A run of route tests as text. In: a TestRun and where xDS paths stand. Out: a line a test, what failed with expected and actual, and the routes that no test reached. */
import { plain } from '../diag/render.ts'
import type { KnownRoute } from './judge.ts'
import type { Place } from './route-test.ts'
import type { TestRun } from './run-tests.ts'

export interface RunStyle {
  readonly colour: boolean
  /** routes without a test that are listed */
  readonly most: number
  readonly locate: (path: string) => Place | undefined
}

const GREEN = '32'
const RED = '31'
const YELLOW = '33'

export function runText({ results, coverage }: TestRun, style: RunStyle): string {
  const paint = (text: string, sgr: string): string => (style.colour ? `\u001b[${sgr}m${text}\u001b[0m` : text)
  const lines = results.flatMap(({ name, place, passed, failures }) => [
    passed
      ? `${paint('ok  ', GREEN)}  ${plain(name)}`
      : `${paint('FAIL', RED)}  ${plain(name)}  (${plain(place.file)}:${place.line}:${place.column})`,
    ...failures.map(({ field, expected, actual }) => plain(`        ${field}: expected ${expected}, got ${actual}`)),
  ])
  const failed = results.filter(({ passed }) => !passed).length
  const shown = coverage.unreached.slice(0, style.most)
  const more = coverage.unreached.length - shown.length
  return [
    ...lines,
    `${results.length - failed} passed, ${failed} failed; ${coverage.reached} of ${coverage.routes} routes reached`,
    ...(shown.length === 0 ? [] : [paint('routes that no test reached', YELLOW)]),
    ...shown.map((route) => `  ${plain(routeText(route))}${placeText(style.locate(route.path))}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    '',
  ].join('\n')
}

export function routeText({ routeConfiguration, virtualHost, route }: KnownRoute): string {
  return `${routeConfiguration} / ${virtualHost} / ${route}`
}

const placeText = (place: Place | undefined): string =>
  place === undefined ? '' : `  (${plain(place.file)}:${place.line}:${place.column})`
