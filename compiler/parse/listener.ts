/**
 * envoy.config.listener.v3.Listener. In: its cursor. Out: where it listens, its filter chains, and what of it needs user space.
 * Source: Envoy's listener.proto and listener_impl.cc; what is refused was tried.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { listenerAccounts } from './accounts.ts'
import { readAddress } from './address.ts'
import { readFilterChain } from './filter-chain.ts'
import { inboundClusters, policiesOf } from './inbound-policies.ts'
import { isAnyAddress, isMapped } from '../../proto/address/mapped.ts'
import { readDatagramFilters, readListenerFilters } from './listener-filters.ts'
import type { Divert, ListenAddress, Listener } from './resources.ts'

export const accountListener = listenerAccounts.for(
  'name',
  'address',
  'additional_addresses',
  'filter_chains',
  'default_filter_chain',
  'use_original_dst',
  'bind_to_port',
  'deprecated_v1',
  'traffic_direction',
  'listener_filters',
  'udp_listener_config',
  'internal_listener',
)
const accountAdditional = listenerAccounts.for('address')
const accountUdp = listenerAccounts.for()

export function readListener(at: Cursor, diag: Diagnostics): Listener {
  const refuse = (path: string, message: string, fix: string): void =>
    diag.report({ code: 'KM1212', severity: 'error', message, fix: `${fix}; Envoy refuses this listener`, path })
  const { places, udp, refused, diverts: addressDiverts } = readPlaces(at, diag)
  const chains = at.messages('filter_chains')
  const defaultChain = at.message('default_filter_chain')
  const filters = at.messages('listener_filters')
  const deprecated = at.message('deprecated_v1')?.boolean('bind_to_port') ?? true
  const bindToPort = (at.boolean('bind_to_port') ?? true) && deprecated
  const config = at.message('udp_listener_config')
  const quic = config?.has('quic_options') === true
  const diverts = [...accountListener(at), ...addressDiverts]
  if (config !== undefined) diverts.push(...accountUdp(config))
  const special = at.has('api_listener') || at.oneof('listener_specifier') === 'internal_listener'
  if (at.message('internal_listener') !== undefined) at.mark('internal_listener', 'diverted', 'nobody can dial an internal listener')

  if (udp && !quic && chains.length > 0)
    refuse(at.at('filter_chains'), `a UDP listener cannot have ${chains.length} filter chains`, 'put udp_proxy into listener_filters')
  if (udp && !bindToPort) refuse(at.at('bind_to_port'), 'a UDP listener cannot have bind_to_port: false', 'leave bind_to_port out')
  if (!udp && !at.has('api_listener') && chains.length === 0 && defaultChain === undefined && !at.has('fcds_config'))
    refuse(at.path, 'the listener has no filter chain', 'add one')
  if (at.message('address')?.has('envoy_internal_address') === true)
    refuse(at.at('address'), 'a listener cannot have an internal address', 'use internal_listener in its place')
  if (!special && !at.has('address')) refuse(at.path, 'the listener has no address', 'give it one')

  const datagrams = udp && !quic ? readDatagramFilters(filters) : undefined
  const looking = udp ? { inspectors: [], divert: undefined } : readListenerFilters(filters)
  if (looking.divert !== undefined) diverts.push(looking.divert)
  const listener: Listener = {
    name: at.string('name') ?? '',
    path: at.path,
    protocol: udp ? 'udp' : 'tcp',
    addresses: special ? [] : places,
    direction: (at.enum('traffic_direction') ?? 'UNSPECIFIED') as Listener['direction'],
    bindToPort,
    useOriginalDst: at.boolean('use_original_dst') ?? false,
    inspectors: looking.inspectors,
    chains: chains.map((chain) => readFilterChain(chain, 'matched', diag)),
    defaultChain: defaultChain === undefined ? undefined : readFilterChain(defaultChain, 'default', diag),
    datagrams,
    divert: diverts[0],
    policies: policiesOf(at),
    inboundClusters: inboundClusters(at),
  }
  markWhole(at, listener)
  if (listener.addresses.length === 0 && listener.direction !== 'INBOUND' && !refused && (special || at.has('address'))) {
    diag.report({
      code: 'KM1209',
      severity: 'warning',
      path: at.path,
      message: `${at.path} has no address that a client can dial; it is not installed`,
      fix: 'nothing, if no client is meant to meet it',
    })
  }
  return listener
}

/** What is known at once; parse.ts adds the wildcard listeners that stand for no address. */
function markWhole(at: Cursor, listener: Listener): void {
  if (listener.direction === 'INBOUND') at.markAll('diverted', 'governs what arrives at a workload; only what is dialled is decided here')
  else if (listener.addresses.length === 0) at.markAll('diverted', 'no IP address that a client can dial')
  else if (listener.divert !== undefined) {
    for (const field of ['filter_chains', 'default_filter_chain'])
      at.mark(field, 'diverted', `the listener needs user space: ${listener.divert.why}`)
  }
}

interface Places {
  readonly places: readonly ListenAddress[]
  /** Envoy refuses one of them */
  readonly refused: boolean
  readonly udp: boolean
  readonly diverts: readonly Divert[]
}

function readPlaces(at: Cursor, diag: Diagnostics): Places {
  const additional = at.messages('additional_addresses')
  const diverts = additional.flatMap((entry) => accountAdditional(entry))
  const cursors = at.has('address') || additional.length > 0 ? [at, ...additional] : []
  const parsed = cursors.map((cursor) => ({ cursor, address: readAddress(cursor.message('address'), 'bound') }))
  const [first] = parsed
  const udp = first?.address.protocol === 'udp'
  const startsWithAny =
    first?.address.target.kind === 'ip' && isAnyAddress(first.address.target.address) && !isMapped(first.address.target.address)
  const places: ListenAddress[] = []
  let refused = false
  for (const { cursor, address } of parsed) {
    const path = cursor.at('address')
    const { target } = address
    if (address.divert !== undefined) diverts.push({ path, why: address.divert })
    if (target.kind === 'name' || target.kind === 'invalid') {
      refused = true
      const message =
        target.kind === 'name' ? `the listener's address "${target.name}" is no IP address` : `the listener's address ${target.why}`
      diag.report({
        code: 'KM1210',
        severity: 'error',
        message,
        fix: 'give an IP address and a port number; Envoy refuses this listener',
        path,
      })
    } else if ((address.protocol === 'udp') !== udp && target.kind === 'ip') {
      diag.report({
        code: 'KM1212',
        severity: 'error',
        message: 'the addresses of the listener mix TCP and UDP',
        fix: 'make two listeners; Envoy refuses this one',
        path,
      })
    } else if (address.compat && cursor !== at && !startsWithAny) {
      refused = true
      diag.report({
        code: 'KM1210',
        severity: 'error',
        message: 'an additional address has ipv4_compat and the first address is not ::',
        fix: 'make :: the first address; Envoy refuses this listener',
        path,
      })
    } else if (target.kind === 'ip') {
      // an IPv4-mapped address without ipv4_compat is one that IPv4 does not come to, and nothing else is sent there (tried)
      if (!address.compat && target.text.includes(':') && isMapped(target.address)) continue
      // port 0: the kernel chooses, so nobody knows what to dial
      if (target.port !== 0) places.push({ path, address: target.address, port: target.port, compat: address.compat })
    }
  }
  return { places, refused, udp, diverts }
}
