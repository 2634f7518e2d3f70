/**
 * Applies artifacts one after the other in a process of its own, so that clients are not held up. In: argv INSTANCE CGROUP; messages with the
 * path of an artifact or a delta, or ROLLBACK. Out: a message for each, "" or what went wrong.
 */
import { readFileSync } from 'node:fs'
import { readArtifactOrDelta } from '../../proto/delta/read-file.ts'
import { apply } from '../../runtime/apply.ts'
import type { ApplyHost } from '../../runtime/apply-request.ts'
import { applyDelta } from '../../runtime/delta/apply-delta.ts'
import { machine } from '../../runtime/machine.ts'
import { rollback } from '../../runtime/rollback.ts'
import { ROLLBACK } from './rollback-word.ts'

const [instance, cgroup] = process.argv.slice(2) as [string, string]
const real = machine({ foreign: 'refuse', existing: 'count' })
/** Looking through all live sockets after the switch takes longer than the apply itself: done every fiftieth time. */
const quick: ApplyHost = {
  ...real,
  releaseSockets: () => ({ released: 0, warnings: [] }),
  escapedSockets: () => ({ escaped: 0, destroyed: 0, warnings: [] }),
}
const SURVEY_EVERY = 50
let applies = 0

async function applyFile(path: string): Promise<string> {
  const opened = readArtifactOrDelta(readFileSync(path))
  if (opened.kind === 'invalid') return opened.error.message
  try {
    if (opened.kind === 'delta') {
      await applyDelta({ delta: opened.delta, instance, host: quick })
      return ''
    }
    await apply({
      artifact: opened.artifact,
      instance,
      cgroup,
      diverted: 'refuse',
      mode: 'apply',
      host: applies++ % SURVEY_EVERY === 0 ? real : quick,
    })
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

function goBack(): string {
  try {
    rollback({ instance, host: quick })
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

process.on('message', (path) => {
  if (path === ROLLBACK) process.send?.(goBack())
  else void applyFile(String(path)).then((text) => process.send?.(text))
})
process.on('disconnect', () => process.exit(0))
