/**
 * Records what a real Envoy answers, for the tests that need none: `node --import tsx scripts/oracle/record.ts` rewrites compiler/balance/answers.json.
 * Takes about a minute; uses ports 23000 to 23299 on loopback.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toAnswers } from './answers.ts'
import { HASH_CASES, SHARE_CASES } from './balance-cases.ts'
import { findEnvoy } from './envoy.ts'
import { judgeBalances } from './judge-balance.ts'

const version = /\/(\d+\.\d+\.\d+)\//.exec(execFileSync(findEnvoy(), ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
const cases = [...HASH_CASES, ...SHARE_CASES]
const answers = toAnswers(version, cases, await judgeBalances(cases, { form: 'legacy', dials: 2000, base: 23000 }))
writeFileSync(join(import.meta.dirname, '../../compiler/balance/answers.json'), `${JSON.stringify(answers, null, 2)}\n`)
