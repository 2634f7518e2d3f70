/**
 * The benchmark's C programs. In: a name (`load`, `serve`) or a source; out: the path of its binary, compiled when the source is newer.
 * Invariant: binaries live in .cache/bench, never beside the sources.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../commands.ts'

const COMPILERS = ['clang-14', 'clang', 'gcc', 'cc'] as const

export function tool(name: 'load' | 'serve'): string {
  return compiled(new URL(`${name}.c`, import.meta.url))
}

/** `parts`: what the source includes. Throws with what the compiler said. Two sources of one name would share a binary. */
export function compiled(at: URL, ...parts: readonly URL[]): string {
  const source = fileURLToPath(at)
  const name = basename(source, '.c')
  const folder = join(ROOT, '.cache', 'bench')
  const binary = join(folder, name)
  const changed = Math.max(...[at, ...parts].map((part) => statSync(part).mtimeMs))
  if ((statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) return binary
  mkdirSync(folder, { recursive: true })
  for (const compiler of COMPILERS) {
    const result = spawnSync(compiler, ['-O2', '-Wall', '-o', binary, source], { encoding: 'utf8' })
    if (result.error) continue
    if (result.status !== 0) throw new Error(`${compiler} ${source}: ${result.stderr}`)
    return binary
  }
  throw new Error(`no C compiler found (${COMPILERS.join(', ')})`)
}
