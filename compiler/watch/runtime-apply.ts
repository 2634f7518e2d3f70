/**
 * Has an artifact applied by the command beside this one. In: its file, options of `kmesh-runtime apply`. Out: the generation in force, or what was said.
 * The compiler knows nothing of the runtime but its command line.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Diagnostic } from '../diag/diagnostic.ts'

export type Applied =
  | { readonly kind: 'applied'; readonly generation: number; readonly milliseconds: number; readonly findings: readonly Diagnostic[] }
  | { readonly kind: 'refused'; readonly findings: readonly Diagnostic[] }

const OURS = import.meta.url
const RUNTIME = fileURLToPath(new URL(`../../runtime/main.${OURS.endsWith('.ts') ? 'ts' : 'js'}`, OURS))

export async function applyFile(file: string, options: readonly string[]): Promise<Applied> {
  const begin = performance.now()
  const { stdout, stderr, code } = await run([...process.execArgv, RUNTIME, 'apply', file, ...options, '--json'])
  const report = parsed(stdout)
  const findings = report?.diagnostics ?? []
  if (code === 0 && typeof report?.generation === 'number')
    return { kind: 'applied', generation: report.generation, milliseconds: performance.now() - begin, findings }
  if (findings.length > 0) return { kind: 'refused', findings }
  const lines = stderr.trim().split('\n')
  const line =
    lines.find((one) => one.startsWith('kmesh-runtime: '))?.slice('kmesh-runtime: '.length) ?? (lines[0] || `it ended with ${code}`)
  return { kind: 'refused', findings: [{ code: 'KM1805', severity: 'error', message: `kmesh-runtime apply: ${line}`, path: '', fix: FIX }] }
}

const FIX = 'try the same options with kmesh-runtime apply'

async function run(argv: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number | null }> {
  // a group of its own: an interrupt of the watch lets an apply that has begun come to its end
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text))
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
  return { ...said, code }
}

function parsed(text: string): { readonly generation?: unknown; readonly diagnostics?: readonly Diagnostic[] } | undefined {
  try {
    return JSON.parse(text) as { readonly generation?: unknown; readonly diagnostics?: readonly Diagnostic[] }
  } catch {
    return undefined
  }
}
