/**
 * slow_start_config of ROUND_ROBIN and LEAST_REQUEST. In: the policy's message. Out: its fields accounted for, and a warning where they mean something.
 * Envoy gives an endpoint less than its share for a while after it was added; here it has its full share at once. Nothing else differs.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'

export function readSlowStart(message: Cursor | undefined, diag: Diagnostics): void {
  const config = message?.message('slow_start_config')
  if (message === undefined || config === undefined) return
  const window = config.duration('slow_start_window') ?? 0
  if (window <= 0) {
    message.mark('slow_start_config', 'equivalent', 'without a window nothing starts slowly')
    return
  }
  message.mark('slow_start_config', 'ignored-safe', 'a new endpoint has its full share at once; who may be met does not change')
  diag.report({
    code: 'KM1402',
    severity: 'warning',
    message: `slow_start_window of ${window / 1000} s is not applied: a new endpoint has its full share at once`,
    fix: 'remove slow_start_config, or let new endpoints report ready once they are warm',
    path: message.at('slow_start_config'),
  })
}
