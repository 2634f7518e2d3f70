/**
 * Runs kmeshc and kmesh-runtime for the demo. In: a command's arguments; out: what the user would see when typing it, shortened.
 * A command that fails ends the demo with its own words and exit code 1; what the demo made is undone on the way.
 */
import { spawn, spawnSync } from 'node:child_process'
import { type Command, ROOT, command } from '../commands.ts'
import { dim, red, say, shown } from './screen.ts'

export interface Show {
  /** lines of its output to show */
  readonly show: number
  /** the first of them; all before it is left out */
  readonly from?: RegExp
}

export function kmesh(name: Command, args: readonly string[], { show, from }: Show): void {
  shown([name, ...args].join(' '))
  const [file, ...rest] = [...command(name), ...args]
  const { status, stdout, stderr } = spawnSync(file, rest, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) {
    say(red(`${stderr}${stdout}`))
    process.exit(1)
  }
  const all = stdout.trimEnd().split('\n')
  const lines = all.slice(
    Math.max(
      0,
      all.findIndex((line) => from?.test(line)),
    ),
  )
  if (lines.length < all.length) say(dim(`... ${all.length - lines.length} lines`))
  say(lines.slice(0, show).join('\n'))
  if (lines.length > show) say(dim(`... ${lines.length - show} more lines`))
  for (const line of stderr.split('\n')) if (/^(warning|error) /.test(line)) say(dim(shortened(line)))
}

const WIDTH = 140

function shortened(line: string): string {
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 3)}...` : line
}

/** kmesh-runtime without showing anything, while other things go on; throws when it fails. */
export async function kmeshMeanwhile(args: readonly string[]): Promise<void> {
  const [file, ...rest] = [...command('kmesh-runtime'), ...args]
  const child = spawn(file, rest, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`kmesh-runtime ${args.join(' ')}: exit ${code}: ${words}`)
}
