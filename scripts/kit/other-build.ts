/**
 * A second build of this checkout whose structs differ. In: what is changed in the text of proto/abi.ts. Out: its commands, and a directory that goes at the end. What C shares is printed anew, and
 * programs are compiled from there.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, ROOT } from '../commands.ts'
import { undoAtExit } from './cleanup.ts'

export interface OtherBuild {
  command(name: Command): readonly [string, ...string[]]
}

const PARTS = ['proto', 'bpf', 'templates', 'compiler', 'runtime', 'package.json', 'tsconfig.json', 'scripts/abi.ts']
const MAINS: Readonly<Record<Command, string>> = { kmeshc: 'compiler/main.ts', 'kmesh-runtime': 'runtime/main.ts' }

/** Throws when `change` leaves the text as it is. */
export function otherBuild(change: (abi: string) => string): OtherBuild {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-build-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'scripts'))
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const abi = join(folder, 'proto/abi.ts')
  const [text, changed] = [readFileSync(abi, 'utf8'), change(readFileSync(abi, 'utf8'))]
  if (changed === text) throw new Error('the change does not fit proto/abi.ts any more')
  writeFileSync(abi, changed)
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const header = execFileSync(process.execPath, ['--import', tsx, 'scripts/abi.ts'], { cwd: folder, encoding: 'utf8' })
  writeFileSync(join(folder, 'bpf/lib/abi.gen.h'), header)
  return { command: (name) => [process.execPath, '--import', tsx, join(folder, MAINS[name])] }
}
