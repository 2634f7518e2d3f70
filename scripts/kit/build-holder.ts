/** The holder as the sources are now, for tests that run from the sources. In: nothing; out: runtime/holder/kmesh-holder.gen.bin is not older than they are. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export function buildHolder(): void {
  execFileSync(fileURLToPath(new URL('../build-holder', import.meta.url)), { stdio: ['ignore', 'ignore', 'inherit'] })
}
