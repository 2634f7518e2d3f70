/**
 * How scripts call kmeshc and kmesh-runtime of this checkout: the built program when it is newer than every source, else the source itself.
 * In: a command's name; out: the argv that starts it. Invariant: never another checkout's command, whatever PATH says.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type Command = 'kmeshc' | 'kmesh-runtime'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** proto/codes.ts: nothing is pinned for this instance */
const NOTHING_PINNED = 'KM9106'

const MAIN: Readonly<Record<Command, string>> = { kmeshc: 'compiler/main', 'kmesh-runtime': 'runtime/main' }

export function command(name: Command): readonly [string, ...string[]] {
  const built = join(ROOT, 'dist', `${MAIN[name]}.js`)
  if (isCurrent(built)) return [built]
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  return [process.execPath, '--import', tsx, join(ROOT, `${MAIN[name]}.ts`)]
}

function isCurrent(built: string): boolean {
  const made = statSync(built, { throwIfNoEntry: false })?.mtimeMs
  if (made === undefined) return false
  return ['compiler', 'runtime', 'proto', 'bpf', 'templates'].every((folder) => newest(join(ROOT, folder)) <= made)
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.(ts|c|h|hbs)$/.test(name) && !name.includes('.test.'),
  )
  return Math.max(0, ...files.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0))
}

/** Takes an instance out of the kernel, if there is one: for ends that may come before the first apply. Throws with what went wrong. */
export function detachIfThere(instance: string): void {
  const [file, ...rest] = [...command('kmesh-runtime'), 'detach', '--instance', instance]
  const { status, stderr } = spawnSync(file, rest, { encoding: 'utf8' })
  if (status !== 0 && !stderr.includes(NOTHING_PINNED)) throw new Error(`kmesh-runtime detach --instance ${instance}: ${stderr.trim()}`)
}
