/**
 * Runs every *.test.ts, each in a process of its own, and closes with `N passed, N failed` (single tests, not files).
 *
 * Usage: run-tests.ts [--fast] [FILTER...]     a file runs when its path contains one of the filters
 * Files without root come first, two at a time; *.root.test.ts follow one after the other, because they share the kernel, and one of them comes
 * last, because it looks at what the others did to it. `--fast` leaves out all that need root. *.corpus.test.ts go over real snapshots and run where KMESH_DATA names a directory with some. A file that crashes, hangs, skips a test or holds none counts as one failure. Exit 0 only if something ran and all passed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { lastRecord } from './kit/kernel-log.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['compiler', 'runtime', 'proto', 'scripts']
const FAST_SECONDS = 180
const ROOT_SECONDS = 600
const SLOW_SHOWN = 3
const LAST = 'scripts/warnings.root.test.ts'

export interface Result {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly seconds: number
  /** shown when something failed */
  readonly output: string
  readonly why: string
}

/** What uvu's closing lines and the exit code say about one file. */
export function judge(
  file: string,
  output: string,
  end: { readonly code: number | null; readonly timedOut: boolean },
  seconds: number,
): Result {
  const count = (label: string): number | undefined => {
    const found = new RegExp(`^ {2}${label}: +(\\d+)`, 'm').exec(output)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const total = count('Total')
  const passed = count('Passed') ?? 0
  const skipped = count('Skipped') ?? 0
  const base = { file, passed, seconds, output }
  if (end.timedOut) return { ...base, failed: Math.max(1, (total ?? 0) - passed), why: `no end after ${Math.round(seconds)} s` }
  if (total === undefined) return { ...base, failed: 1, why: `ended with ${end.code} before its tests did` }
  if (total === 0) return { ...base, failed: 1, why: 'holds no tests' }
  if (skipped > 0) return { ...base, failed: Math.max(1, total - passed), why: `${skipped} skipped` }
  if (passed < total) return { ...base, failed: total - passed, why: '' }
  if (end.code !== 0) return { ...base, failed: 1, why: `ended with ${end.code} although its tests passed` }
  return { ...base, failed: 0, why: '' }
}

/** All test files below the source folders, sorted, as paths from the root of the checkout. */
export function testFiles(root: string): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
}

const running = new Set<ChildProcess>()
/** Where the kernel log ended when the run began: its last test (warnings.root.test.ts) looks at what came after. */
const logBegan = lastRecord()

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // the whole group has ended
  }
}

function runFile(file: string, limit: number): Promise<Result> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', KMESH_LOG_BEGAN: String(logBegan ?? '') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  let timedOut = false
  const timers = [
    setTimeout(() => {
      timedOut = true
      signalGroup(child, 'SIGTERM')
    }, limit * 1000),
    setTimeout(() => signalGroup(child, 'SIGKILL'), (limit + 10) * 1000),
  ]
  return new Promise((resolve) => {
    const end = (code: number | null): void => {
      for (const timer of timers) clearTimeout(timer)
      running.delete(child)
      signalGroup(child, 'SIGKILL')
      resolve(judge(file, Buffer.concat(chunks).toString(), { code, timedOut }, (performance.now() - started) / 1000))
    }
    child.on('error', () => end(null))
    child.on('exit', (code) => setTimeout(() => end(code), 20))
  })
}

function show(result: Result): void {
  const line = `${result.file}  ${result.passed} passed, ${result.seconds.toFixed(1)} s`
  if (result.failed === 0) {
    console.log(`ok    ${line}`)
    return
  }
  console.log(`FAIL  ${line}${result.why === '' ? '' : `: ${result.why}`}`)
  console.log(result.output.trimEnd().replace(/^/gm, '      '))
}

async function runAll(files: readonly string[], lanes: number, limit: number): Promise<readonly Result[]> {
  const results: Result[] = []
  const queue = [...files]
  const lane = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, limit)
      results.push(result)
      show(result)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

function lastOfAll(files: readonly string[]): readonly string[] {
  return [...files.filter((file) => file !== LAST), ...files.filter((file) => file === LAST)]
}

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  const filters = args.filter((arg) => !arg.startsWith('--'))
  const unknown = args.filter((arg) => arg.startsWith('--') && arg !== '--fast')
  if (unknown.length > 0) {
    console.error(`unknown option ${unknown[0]}; usage: run-tests.ts [--fast] [FILTER...]`)
    process.exitCode = 2
    return
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const child of running) signalGroup(child, 'SIGTERM')
      setTimeout(() => process.exit(1), 3000).unref()
    })
  }
  const files = testFiles(ROOT).filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  const data = process.env.KMESH_DATA !== undefined
  const fast = files.filter((file) => !file.endsWith('.root.test.ts') && (data || !file.endsWith('.corpus.test.ts')))
  const root = args.includes('--fast') ? [] : lastOfAll(files.filter((file) => file.endsWith('.root.test.ts')))
  const results = [...(await runAll(fast, Math.min(2, availableParallelism()), FAST_SECONDS)), ...(await runAll(root, 1, ROOT_SECONDS))]
  const slow = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOW_SHOWN)
  const corpora = files.filter((file) => file.endsWith('.corpus.test.ts')).length
  if (!data && corpora > 0) console.log(`left out: ${corpora} files over real snapshots (KMESH_DATA is not set)`)
  console.log(`slowest: ${slow.map((result) => `${relative('.', result.file)} ${result.seconds.toFixed(1)} s`).join(', ')}`)
  const sum = (key: 'passed' | 'failed'): number => results.reduce((total, result) => total + result[key], 0)
  const failed = sum('passed') + sum('failed') === 0 ? 1 : sum('failed')
  for (const result of results) if (result.failed > 0) console.log(`failed: ${result.file}`)
  console.log(`${sum('passed')} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
