/**
 * envoy.config.listener.v3.FilterChain and FilterChainMatch. In: a cursor. Out: what the chain matches and what it does.
 * Source: Envoy's listener_components.proto and filter_chain_manager_impl.cc; address_suffix and suffix_len are refused, prefixes longer than the
 * address are cut to its length, prefixes without length have length 0 (tried).
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Cursor } from '../input/cursor.ts'
import { listenerAccounts } from './accounts.ts'
import { isMapped, MAPPED_BITS } from '../../proto/address/mapped.ts'
import { parseIp } from '../../proto/address/parse-ip.ts'
import { readNetworkFilters } from './network-filters.ts'
import type { ChainAction, ChainMatch, FilterChain, Prefix } from './resources.ts'
import { transportNeeds } from './transport-socket.ts'

export const accountFilterChain = listenerAccounts.for('filter_chain_match', 'filters', 'use_proxy_proto', 'transport_socket')
const SOURCE_FIELDS = ['direct_source_prefix_ranges', 'source_type', 'source_prefix_ranges', 'source_ports']

/** `role`: the match of a default filter chain is never looked at. */
export function readFilterChain(at: Cursor, role: 'matched' | 'default', diag: Diagnostics): FilterChain {
  const [unknown] = accountFilterChain(at)
  const action = readNetworkFilters(at, diag)
  const why = needsOfChain(at)
  return {
    path: at.path,
    match: readMatch(at, role, diag),
    action: unknown !== undefined ? { kind: 'divert', code: 'KM1202', ...unknown } : chooseAction(action, why, at),
  }
}

function chooseAction(action: ChainAction, why: string | undefined, at: Cursor): ChainAction {
  if (why === undefined) return action
  return { kind: 'divert', code: 'KM1202', path: at.path, why }
}

function needsOfChain(at: Cursor): string | undefined {
  if (at.boolean('use_proxy_proto') === true) return 'the PROXY protocol (use_proxy_proto)'
  const socket = at.message('transport_socket')
  const need = socket === undefined ? undefined : transportNeeds(socket)
  return need === undefined ? undefined : `${need} that ends at the listener`
}

const ANYTHING: Omit<ChainMatch, 'path'> = {
  destinationPort: undefined,
  prefixes: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  source: [],
  // that of a match without fields
  conditions: combinations([[], [''], [], [], ['ANY'], [], []]),
}

function readMatch(chain: Cursor, role: 'matched' | 'default', diag: Diagnostics): ChainMatch {
  if (role === 'default') {
    chain.mark('filter_chain_match', 'equivalent', 'Envoy does not look at the match of a default filter chain')
    return { path: chain.path, ...ANYTHING }
  }
  const at = chain.message('filter_chain_match')
  if (at === undefined) return { path: chain.path, ...ANYTHING }
  for (const field of ['address_suffix', 'suffix_len']) {
    if (!at.has(field)) continue
    at.mark(field, 'rejected', 'Envoy refuses it')
    diag.report({
      code: 'KM1218',
      severity: 'error',
      message: `Envoy does not have ${field}`,
      fix: 'use prefix_ranges',
      path: at.at(field),
    })
  }
  const serverNames = at.strings('server_names').map((name) => name.toLowerCase())
  const partial = serverNames.find((name) => name.includes('*') && !name.startsWith('*.'))
  if (partial !== undefined) {
    diag.report({
      code: 'KM1218',
      severity: 'error',
      message: `"${partial}" is a partial wildcard`,
      fix: 'write "*.example.com", or the whole name',
      path: at.at('server_names'),
    })
  }
  const source = SOURCE_FIELDS.filter(
    (field) => at.has(field) && !(field === 'source_type' && at.enum(field) === 'ANY') && readSource(at, field, diag),
  )
  const prefixes = at.messages('prefix_ranges').flatMap((range) => readPrefix(range, diag))
  const destinationPort = at.number('destination_port')
  const transportProtocol = at.string('transport_protocol') ?? ''
  const applicationProtocols = at.strings('application_protocols')
  return {
    path: at.path,
    destinationPort,
    prefixes,
    serverNames,
    transportProtocol,
    applicationProtocols,
    source,
    conditions: combinations([
      serverNames,
      [transportProtocol],
      applicationProtocols,
      ...SOURCE_FIELDS.map((field) => sourceTexts(at, field)),
    ]),
  }
}

/** Reads a condition on the source, which is only told apart, never compiled. -> whether it has an effect */
function readSource(at: Cursor, field: string, diag: Diagnostics): boolean {
  if (field.endsWith('prefix_ranges')) for (const range of at.messages(field)) readPrefix(range, diag)
  else if (field === 'source_ports') at.numbers(field)
  at.mark(field, 'diverted', "the client's address is not known when the connection is decided")
  return true
}

function sourceTexts(at: Cursor, field: string): readonly string[] {
  if (field === 'source_type') return [at.enum(field) ?? 'ANY']
  if (field === 'source_ports') return at.numbers(field).map(String)
  return at.messages(field).map((range) => `${range.string('address_prefix') ?? ''}/${range.number('prefix_len') ?? 0}`)
}

/** One text for each way to choose one value of every list; an empty list stands for one empty value. */
function combinations(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.reduce<readonly string[]>(
    (texts, list) => texts.flatMap((text) => (list.length === 0 ? [''] : list).map((value) => `${text}|${value}`)),
    [''],
  )
}

/** -> one prefix; none where the text is no address (an error) */
function readPrefix(range: Cursor, diag: Diagnostics): readonly Prefix[] {
  const text = range.string('address_prefix') ?? ''
  const length = range.number('prefix_len') ?? 0
  const address = parseIp(text)
  if (address === undefined) {
    diag.report({
      code: 'KM1218',
      severity: 'error',
      message: `"${text}" is no IP address`,
      fix: 'write an address such as 10.0.0.0, with prefix_len beside it',
      path: range.at('address_prefix'),
    })
    return []
  }
  const v4 = isMapped(address) && !text.includes(':')
  const bits = Math.min(length, v4 ? 32 : 128) + (v4 ? MAPPED_BITS : 0)
  return [{ address: masked(address, bits), bits, family: v4 ? 'v4' : 'v6' }]
}

function masked(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, index) => {
    const kept = Math.max(0, Math.min(8, bits - index * 8))
    return byte & (0xff << (8 - kept)) & 0xff
  })
}
