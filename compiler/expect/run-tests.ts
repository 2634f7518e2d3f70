/**
 * Runs route tests. In: tests, the Program and its evaluators for dials, a judge for requests. Out: one result a test, in order, and how often each route was taken.
 * Nothing is random: a weighted choice takes what `random` of the request says, 0 by default.
 */
import { type Decision, decide, type Evaluators } from '../ir/eval.ts'
import type { Program } from '../ir/program.ts'
import { checkDecision } from './check-decision.ts'
import { checkDial, type DecidedDial, decidedDial } from './check-dial.ts'
import type { Decided, KnownRoute, RouteJudge } from './judge.ts'
import type { DialTest, Failure, Place, RouteTest } from './route-test.ts'

export interface TestResult {
  readonly name: string
  readonly place: Place
  readonly passed: boolean
  readonly failures: readonly Failure[]
  readonly decision: Decided | DecidedDial
}

export interface RouteCoverage {
  readonly routes: number
  /** routes that a test reached */
  readonly reached: number
  readonly unreached: readonly KnownRoute[]
}

export interface TestRun {
  readonly results: readonly TestResult[]
  readonly coverage: RouteCoverage
}

export interface World {
  readonly program: Program
  readonly evaluators: Evaluators
  readonly judge: RouteJudge
  /** an IP address in 16 bytes */
  readonly ip: (text: string) => Uint8Array | undefined
}

export function runTests(tests: readonly RouteTest[], world: World): TestRun {
  const taken = new Set<string>()
  const results = tests.map((test): TestResult => {
    const { name, place } = test
    if (test.kind === 'dial') {
      const decision = decidedDial(dialled(test, world))
      const failures = checkDial(test.expect, decision)
      return { name, place, passed: failures.length === 0, failures, decision }
    }
    const { decided, routePath } = world.judge.decide(test.request, test.routeConfig)
    if (routePath !== undefined) taken.add(routePath)
    const failures = checkDecision(test.expect, decided)
    return { name, place, passed: failures.length === 0, failures, decision: decided }
  })
  const { routes } = world.judge
  const unreached = routes.filter(({ path }) => !taken.has(path))
  return { results, coverage: { routes: routes.length, reached: routes.length - unreached.length, unreached } }
}

function dialled({ dial }: DialTest, { program, evaluators, ip }: World): Decision {
  const { protocol, port, socket } = dial
  const source = dial.source === undefined ? undefined : ip(dial.source)
  const address = ip(dial.address) as Uint8Array
  return decide(
    program,
    { protocol, address, port, ...(source !== undefined && { source }), ...(socket !== undefined && { socket }) },
    evaluators,
  )
}
