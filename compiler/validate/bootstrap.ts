/**
 * The bootstrap beside its static resources. Envoy refuses two runtime layers of one name (tried).
 */
import { quote } from './quote.ts'
import type { Rule } from './rule.ts'

export const runtimeLayers: Rule = {
  types: ['envoy.config.bootstrap.v3.LayeredRuntime'],
  check(at, context) {
    const seen = new Set<string>()
    for (const layer of at.messages('layers')) {
      const name = layer.string('name') ?? ''
      if (seen.has(name)) context.refuse('KM2112', layer.at('name'), `two runtime layers are called ${quote(name)}`)
      seen.add(name)
    }
  },
}
