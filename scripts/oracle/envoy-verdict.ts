/**
 * Whether a real Envoy takes a bootstrap. In: a bootstrap as plain JSON. Out: undefined, or what Envoy said when it refused. It only reads the configuration
 * (`--mode validate`): nothing listens, nothing connects. A tenth of a second each.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEnvoy, type JsonObject } from './envoy.ts'

export async function envoyVerdict(bootstrap: JsonObject): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-verdict-'))
  const file = join(folder, 'bootstrap.json')
  writeFileSync(file, JSON.stringify({ node: { id: 'oracle', cluster: 'oracle' }, ...bootstrap }))
  const args = ['-c', file, '--mode', 'validate', '--log-level', 'error', '--disable-hot-restart', '--concurrency', '1']
  try {
    return await new Promise((resolve) => {
      execFile(findEnvoy(), args, { timeout: 20_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
        resolve(error === null ? undefined : reasonIn(`${stderr}\n${stdout}`)),
      )
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Envoy names its reason last, sometimes over several lines. */
function reasonIn(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const at = lines.findIndex((line) => /error initializing configuration|critical|Unable to parse/i.test(line))
  return lines
    .slice(at < 0 ? -1 : at)
    .join(' ')
    .slice(0, 600)
}
