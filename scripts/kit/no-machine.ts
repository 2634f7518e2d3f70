/** An ApplyHost that looks at nothing: for tests of what apply does in the kernel. Each function can be replaced. */
import type { ApplyHost } from '../../runtime/apply-request.ts'

export function noMachine(replaced: Partial<ApplyHost> = {}): ApplyHost {
  return {
    checkForeign: () => [],
    fillSources: () => [],
    releaseSockets: () => ({ released: 0, warnings: [] }),
    escapedSockets: () => ({ escaped: 0, destroyed: 0, warnings: [] }),
    ...replaced,
  }
}
