/**
 * A file of the user's own in the demo. In: its path; out: what `kmeshc check` says and what its artifact would do; then its requests (own-traffic.ts).
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NamesDocument } from '../../proto/artifact/format.ts'
import { readArtifact } from '../../proto/artifact/read.ts'
import { command } from '../commands.ts'
import { driveOwn } from './own-traffic.ts'
import { dim, red, say, shown, step, table } from './screen.ts'

const LINES = 30
const ROWS = 20

/** What did not work, one line each. */
export async function showFiles(files: readonly string[], folder: string, instance: string): Promise<readonly string[]> {
  step(`Your own ${files.length === 1 ? 'file' : 'files'}: check, compile, and what it does`)
  const inputs = files.map((file) => resolve(file))
  const artifact = join(folder, 'own.tar')
  const checked = runShown(['check', ...inputs])
  const compiled = runShown(['compile', ...inputs, '-o', artifact])
  if (checked !== 0 || compiled !== 0) return [`${files.join(', ')}: has errors, see above`]
  const read = readArtifact(readFileSync(artifact))
  if (read.kind === 'invalid') return [`${files.join(', ')}: ${read.error.message}`]
  showListeners(read.artifact.names)
  showClusters(read.artifact.names)
  await driveOwn(read.artifact, artifact, inputs, instance)
  return []
}

function runShown(args: readonly string[]): number {
  shown(['kmeshc', ...args].join(' '))
  const [file, ...rest] = [...command('kmeshc'), ...args]
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8', maxBuffer: 1 << 28 })
  const lines = `${stderr}${stdout}`.trimEnd().split('\n')
  say(lines.slice(0, LINES).join('\n'))
  if (lines.length > LINES) say(dim(`... ${lines.length - LINES} more lines`))
  return status ?? 1
}

function showListeners({ listeners, services }: NamesDocument): void {
  const routed = new Set(services.map(({ listener }) => listener))
  const diverted = listeners.filter((one) => one.diverted !== undefined)
  say(
    `\nIt governs ${listeners.length} listeners; connections to ${diverted.length} of them are diverted: refused, or left alone with --diverted=pass.`,
  )
  if (listeners.length === 0) return
  const rows = listeners.map(({ name, protocol, addresses, diverted: why }) => {
    const first = addresses.slice(0, 2).join(' ') + (addresses.length > 2 ? ` +${addresses.length - 2}` : '')
    return [
      name,
      `${protocol} ${first}`,
      why === undefined ? (routed.has(name) ? 'HTTP, by request' : 'direct') : red(`diverted: ${why[0]?.why}`),
    ]
  })
  shortened([['listener', 'dialled at', 'connections'], ...rows])
}

function showClusters({ clusters }: NamesDocument): void {
  if (clusters.length === 0) return
  say(`\nIt knows ${clusters.length} clusters.`)
  shortened([
    ['cluster', 'policy', ''],
    ...clusters.map(({ name, policy, refused }) => [name, policy, refused === undefined ? '' : `refused: ${refused}`]),
  ])
}

function shortened(rows: readonly (readonly string[])[]): void {
  table(rows.slice(0, ROWS + 1))
  if (rows.length > ROWS + 1) say(dim(`... ${rows.length - ROWS - 1} more`))
}
