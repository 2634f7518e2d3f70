/**
 * A Plan as text, for `--emit plan` and golden tests. In: a Plan. Out: one line a row, addresses and names instead of bytes and indices;
 * stable: equal plans print equally. Hash tables are summed up by a digest, since their rows say nothing to a reader.
 */
import { createHash } from 'node:crypto'
import {
  CHAIN_CLUSTER,
  CHAIN_DIVERT,
  CHAIN_HASH_CONSTANT,
  CHAIN_HASH_SOURCE_IP,
  CHAIN_PASS,
  CHAIN_REFUSE,
  CHAIN_WEIGHTED,
  CLUSTER_FULL_SCAN,
  CLUSTER_PASS,
  CLUSTER_REFUSE,
  chain,
  cluster,
  endpoint,
  GROUP_EQUAL,
  group,
  LISTENER_DYNAMIC,
  listenerKey,
  listenerValue,
  matchKey,
  POLICIES,
  REASONS,
  ROW_SIZE,
  tier,
  weighted,
} from '../../proto/abi.ts'
import { get, get64, type Layout } from '../../proto/layout.ts'
import { addressPortText, addressText } from '../../proto/address/address-text.ts'
import { swap16, swap32 } from '../../proto/byte-order.ts'
import type { Plan, UnitShape } from './plan.ts'

export function printPlan(plan: Plan): string {
  const { tables, names } = plan
  return [
    ...section('units', plan.units.map(unitText)),
    ...section(
      'listeners',
      rows(tables.listener.keys, listenerKey).map(
        (key, index) =>
          `${protocolName(key.number('protocol'))} ${addressPortText(key.bytes('address'), key.number('port'))} -> ${targetText(row(tables.listener.values, listenerValue, index))}`,
      ),
    ),
    ...section(
      'match',
      rows(tables.match.keys, matchKey).map((key, index) =>
        matchText(key, new DataView(tables.match.values.buffer, tables.match.values.byteOffset).getUint32(index * 4, true)),
      ),
    ),
    ...section('chains', chainLines(plan)),
    ...section(
      'clusters',
      names.clusters.flatMap((_, index) => clusterLines(plan, index)),
    ),
    ...section('budgets', [
      `tail calls ${plan.budgets.tailCalls} of 33`,
      `entries ${JSON.stringify(plan.budgets.entries)}`,
      `bytes ${plan.budgets.bytes}`,
    ]),
  ].join('\n')
}

interface Row {
  number(field: string): number
  big(field: string): bigint
  bytes(field: string): Uint8Array
}

function row(table: Uint8Array, layout: Layout, index: number): Row {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const base = index * layout.size
  const field = (name: string) => layout.fields[name] as NonNullable<(typeof layout.fields)[string]>
  return {
    number: (name) => get(view, base, field(name)),
    big: (name) => get64(view, base, field(name)),
    bytes: (name) => table.subarray(base + field(name).offset, base + field(name).offset + field(name).count),
  }
}

function rows(table: Uint8Array, layout: Layout): readonly Row[] {
  return Array.from({ length: table.length / layout.size }, (_, index) => row(table, layout, index))
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)]
const protocolName = (protocol: number): string => (protocol === 6 ? 'tcp' : 'udp')
const reasonName = (reason: number): string => Object.entries(REASONS).find(([, value]) => value === reason)?.[0] ?? String(reason)

function unitText(unit: UnitShape): string {
  const { kind, ...shape } = unit
  return `${kind} ${Object.entries(shape)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? name : value instanceof Set ? [...value].sort().join(' ') : String(value)))
    .join(' ')}`.trimEnd()
}

function targetText(value: Row): string {
  return value.number('flags') & LISTENER_DYNAMIC
    ? `set ${value.number('target')}, else chain ${value.number('fallback')}`
    : `chain ${value.number('target')}`
}

function matchText(key: Row, target: number): string {
  const port = swap16(key.number('port'))
  return `set ${swap32(key.number('set'))} port ${port === 0 ? 'any' : port} ${addressText(key.bytes('address'))}/${key.number('length') - 64} -> chain ${target}`
}

function chainLines(plan: Plan): readonly string[] {
  const table = plan.tables.chain
  const lines: string[] = []
  for (let index = 0; index < table.length / chain.size; index++) {
    const head = row(table, chain, index)
    const hash =
      head.number('flags') & CHAIN_HASH_SOURCE_IP
        ? ' hash source_ip'
        : head.number('flags') & CHAIN_HASH_CONSTANT
          ? ` hash ${head.big('hash').toString(16)}`
          : ''
    switch (head.number('kind')) {
      case CHAIN_CLUSTER:
        lines.push(`${index} cluster ${clusterName(plan, head.number('target'))}${hash}`)
        break
      case CHAIN_PASS:
        lines.push(`${index} pass`)
        break
      case CHAIN_REFUSE:
        lines.push(`${index} refuse ${reasonName(head.number('reason'))}`)
        break
      case CHAIN_DIVERT:
        lines.push(`${index} divert`)
        break
      case CHAIN_WEIGHTED: {
        lines.push(`${index} weighted of ${head.big('total')}${hash}`)
        for (let share = 0; share < head.number('count'); share++) {
          const entry = row(table, weighted, head.number('target') + share)
          lines.push(`  below ${entry.big('upto')}: ${clusterName(plan, entry.number('cluster'))}`)
        }
        index += head.number('count')
      }
    }
  }
  return lines
}

const clusterName = (plan: Plan, index: number): string => plan.names.clusters[index]?.name ?? `#${index}`

function clusterLines(plan: Plan, index: number): readonly string[] {
  const head = row(plan.tables.cluster, cluster, index)
  const name = clusterName(plan, index)
  if (head.number('flags') & CLUSTER_REFUSE) return [`${name} refuse ${reasonName(head.number('reason'))}`]
  if (head.number('flags') & CLUSTER_PASS) return [`${name} pass`]
  const cells = plan.tables.cluster.subarray(index * cluster.size + (cluster.fields.cells?.offset ?? 0))
  const view = new DataView(cells.buffer, cells.byteOffset)
  const [first, tiers] = [view.getUint32(8, true), view.getUint32(12, true)]
  const policy = POLICIES[head.number('policy')]
  const extra =
    policy === 'LEAST_REQUEST' ? (head.number('flags') & CLUSTER_FULL_SCAN ? ' full scan' : ` of ${head.number('choice_count')}`) : ''
  const lines = [`${name} ${policy}${extra} max_connections ${head.number('max_connections')}`]
  const block = plan.tables.endpoint.subarray(first * ROW_SIZE)
  for (let t = 0; t < tiers; t++) {
    const tierRow = row(block, tier, t)
    const table = tierRow.number('entries') > 0 ? ` table of ${tierRow.number('entries')} ${tableDigest(block, policy, tierRow)}` : ''
    lines.push(`  tier below ${tierRow.number('upto')}%${table}`)
    for (let g = 0; g < tierRow.number('groups'); g++)
      lines.push(...groupLines(block, tierRow.number('group') + g, tierRow.number('groups') > 1))
  }
  return lines
}

function groupLines(block: Uint8Array, index: number, several: boolean): readonly string[] {
  const head = row(block, group, index)
  const equal = (head.number('flags') & GROUP_EQUAL) !== 0
  const lines = several ? [`    group below ${head.number('upto')}`] : []
  for (let e = 0; e < head.number('count'); e++) {
    const entry = row(block, endpoint, head.number('first') + e)
    lines.push(
      `    ${addressPortText(entry.bytes('address'), entry.number('port'))}${equal ? '' : ` below ${entry.number('upto')} of ${head.number('total')}`}`,
    )
  }
  return lines
}

function tableDigest(block: Uint8Array, policy: string | undefined, tierRow: Row): string {
  const perRow = policy === 'MAGLEV' ? 8 : 2
  const start = tierRow.number('table') * ROW_SIZE
  return createHash('sha256')
    .update(block.subarray(start, start + Math.ceil(tierRow.number('entries') / perRow) * ROW_SIZE))
    .digest('hex')
    .slice(0, 12)
}
