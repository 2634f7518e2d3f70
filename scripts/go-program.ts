/** Programs in Go that tests use. In: a folder below scripts/. Out: the built program, or why there is none: without Go a test can say that it tries nothing. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type Build = { readonly kind: 'built'; readonly program: string } | { readonly kind: 'no go' | 'failed'; readonly why: string }

const NO_GO = 3

/** Modules are fetched the first time. */
export function buildGo(folder: string): Build {
  const { status, stdout, stderr } = spawnSync(fileURLToPath(new URL('build-go', import.meta.url)), [folder], { encoding: 'utf8' })
  if (status === 0) return { kind: 'built', program: stdout.trim() }
  return { kind: status === NO_GO ? 'no go' : 'failed', why: stderr.trim().split('\n').slice(-5).join(' / ') }
}
