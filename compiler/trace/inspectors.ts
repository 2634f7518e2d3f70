/**
 * Listener filters that look at what a client sends first. In: the cursors of Listener.listener_filters; the address that was dialled. Out: whether TLS and HTTP are
 * looked for in this connection: without a tls_inspector nobody knows a server name, a transport protocol or ALPN.
 * Source: Envoy's listener_components.proto (ListenerFilterChainMatchPredicate); no inspector is injected where none is configured (tried on Envoy 1.40).
 */
import type { Cursor } from '../input/cursor.ts'
import { filterKind } from '../parse/listener-filters.ts'
import type { SocketAddress } from './addresses.ts'

export interface Inspectors {
  looksFor(what: 'tls' | 'http', destination: SocketAddress | undefined): boolean
}

type Predicate = (destination: SocketAddress | undefined) => boolean

export function readInspectors(filters: readonly Cursor[]): Inspectors {
  const list = filters.map((filter) => {
    const disabled = filter.message('filter_disabled')
    return { kind: filterKind(filter), isOff: disabled === undefined ? undefined : readPredicate(disabled) }
  })
  return {
    looksFor: (what, destination) => list.some(({ kind, isOff }) => kind === `${what}_inspector` && isOff?.(destination) !== true),
  }
}

/** `at`: a ListenerFilterChainMatchPredicate */
function readPredicate(at: Cursor): Predicate {
  const kind = at.oneof('rule')
  const of = kind === undefined || kind === 'any_match' ? undefined : at.message(kind)
  if (of === undefined) return () => at.boolean('any_match') ?? false
  switch (kind) {
    case 'or_match': {
      const rules = of.messages('rules').map(readPredicate)
      return (destination) => rules.some((rule) => rule(destination))
    }
    case 'and_match': {
      const rules = of.messages('rules').map(readPredicate)
      return (destination) => rules.every((rule) => rule(destination))
    }
    case 'not_match': {
      const rule = readPredicate(of)
      return (destination) => !rule(destination)
    }
    default: {
      const [start, end] = [of.number('start') ?? 0, of.number('end') ?? 0]
      return (destination) => destination?.port !== undefined && destination.port >= start && destination.port < end
    }
  }
}
