/** The holder as the sources are now, for tests that run from the sources. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../build-holder', import.meta.url))
const CHECKED = fileURLToPath(new URL('../../.cache/kmesh-holder-checked', import.meta.url))

/** Afterwards runtime/holder/kmesh-holder.gen.bin is not older than they are. */
export function buildHolder(): void {
  build()
}

/** The path of a build that ends at the first use of memory that it should not use, and says so in its log. */
export function buildCheckedHolder(): string {
  build('--checked')
  return CHECKED
}

function build(...args: readonly string[]): void {
  execFileSync(SCRIPT, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
