/** Progress of a fetch on a terminal. In: what is there and what is awaited; out: a bar on standard error, when that is a terminal and it takes a while. */
import { SingleBar } from 'cli-progress'
import type { Collection } from '../fetch/collection.ts'

const AFTER_MS = 300

export function startFetchProgress(): { readonly show: (collection: Collection) => void; readonly end: () => void } {
  if (process.stderr.isTTY !== true) return { show: () => undefined, end: () => undefined }
  const bar = new SingleBar({ format: 'kmeshc {bar} {value}/{total} {kinds}', clearOnComplete: true, stream: process.stderr })
  const began = performance.now()
  let shown: 'no' | 'yes' = 'no'
  return {
    show(collection) {
      if (performance.now() - began < AFTER_MS) return
      const counts = collection.counts().filter(({ wanted }) => wanted > 0)
      const total = counts.reduce((sum, { wanted }) => sum + wanted, 0)
      const held = counts.reduce((sum, one) => sum + one.held, 0)
      const kinds = counts.map((one) => `${one.kind} ${one.held}/${one.wanted}`).join('  ')
      if (shown === 'no') bar.start(total, held, { kinds })
      else {
        bar.setTotal(total)
        bar.update(held, { kinds })
      }
      shown = 'yes'
    },
    end() {
      if (shown === 'yes') bar.stop()
    },
  }
}
