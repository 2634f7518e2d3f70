/**
 * What an instance does: generation, links, what is diverted, and counters by name. In: its name; out: StatusReport (proto/status.schema.json).
 * All of it comes from the kernel.
 */
import { existsSync } from 'node:fs'
import { endpoint as endpointLayout } from '../proto/abi.ts'
import type { Finding } from './coded-error.ts'
import { warning } from './coded-error.ts'
import { type Counters, type RouteCounters, readCounters } from './counters.ts'
import { fieldOf, viewOf } from './field.ts'
import { recordedCgroup } from './governed-cgroup.ts'
import { type OpenInstance, openInstance, readGeneration } from './held-generation.ts'
import { HOOKS } from './hooks.ts'
import { readLinks } from './links.ts'
import { type InstanceMemory, instanceMemory } from './memory.ts'
import { divertedOf, type GenerationRecord, recordDigest, timeOf } from './record.ts'
import { observedIds } from './serve/observe.ts'
import { placeText } from './socket-address.ts'
import { cgroupId } from './sys/cgroup.ts'
import type { HookName } from './sys/libbpf-link.ts'
import { versionOf, walkEndpoints } from './walk.ts'

export type CgroupState =
  /** the programs are attached to the directory that is there */
  | 'governed'
  /** the directory was removed and made again: nothing in it is governed */
  | 'made-again'
  | 'gone'

export interface GenerationSummary {
  readonly generation: number
  readonly state: GenerationRecord['state']
  /** "sha256:..." of the artifact */
  readonly artifact: string
  /** RFC 3339 */
  readonly appliedAt: string
}

export interface EndpointStatus extends Counters {
  /** "ip:port" */
  readonly address: string
}

export interface RouteStatus extends RouteCounters {
  readonly virtualHost: string
  /** its own, or its xDS path */
  readonly name: string
  readonly lane: 'kernel' | 'slow' | 'waypoint'
  /** why not in the kernel */
  readonly why?: string
}

export interface ServiceStatus {
  readonly listener: string
  readonly routes: readonly RouteStatus[]
}

export interface StatusReport {
  readonly instance: string
  readonly generation: number
  readonly artifact: string
  readonly appliedAt: string
  readonly diverted: 'refuse' | 'pass'
  readonly cgroup: { readonly path: string; readonly id: string; readonly state: CgroupState }
  readonly links: readonly { readonly hook: HookName; readonly state: 'attached' | 'elsewhere' | 'missing' }[]
  readonly others: readonly GenerationSummary[]
  readonly memory: InstanceMemory
  /** failures that belong to no listener, cluster or endpoint */
  readonly failures: Readonly<Record<string, number>>
  readonly listeners: readonly ({
    readonly name: string
    readonly protocol: 'tcp' | 'udp'
    readonly addresses: readonly string[]
    readonly diverted: readonly { readonly path: string; readonly why: string }[]
  } & Omit<Counters, 'active'>)[]
  readonly clusters: readonly (Counters & {
    readonly name: string
    readonly policy: string
    readonly refused?: string
    readonly endpoints: readonly EndpointStatus[]
  })[]
  readonly http: {
    readonly services: readonly ServiceStatus[]
    /** requests that user space got before a route was found, by reason */
    readonly slow: Readonly<Record<string, number>>
    /** ids of cgroups of servers on this node that are observed; from others answers take the way of those elsewhere */
    readonly observed: readonly string[]
  }
  readonly warnings: readonly Finding[]
}

const STATE = fieldOf(endpointLayout, 'state').offset
const PORT = fieldOf(endpointLayout, 'port').offset

export function status(instance: string): StatusReport {
  const open = openInstance(instance)
  try {
    return read(open)
  } finally {
    open.tables.close()
  }
}

function read(open: OpenInstance): StatusReport {
  const { pins, tables, instance } = open
  const held = readGeneration(open)
  const { record, names } = held
  const counters = readCounters(pins, tables)
  const place = attachment(open)
  const endpoints = viewOf(held.endpoint)
  return {
    instance,
    generation: Number(record.generation),
    artifact: recordDigest(record),
    appliedAt: timeOf(record.appliedAt),
    diverted: divertedOf(record),
    ...place,
    others: held.others.map((other) => ({
      generation: Number(other.generation),
      state: other.state,
      artifact: recordDigest(other),
      appliedAt: timeOf(other.appliedAt),
    })),
    memory: instanceMemory(pins),
    failures: counters.of(0).failures,
    listeners: names.listeners.map(({ name, state, protocol, addresses, diverted = [] }) => {
      const { connections, failures } = counters.of(state)
      return { name, protocol, addresses, diverted, connections, failures }
    }),
    clusters: names.clusters.map(({ name, state, policy, refused }, index) => {
      const seen = new Set<number>()
      const list: EndpointStatus[] = []
      const version = versionOf(held.cluster, index, record.generation)
      if (version !== null) {
        walkEndpoints(endpoints, version, {
          endpoint: (row) => {
            const id = endpoints.getUint32(row + STATE, true)
            if (seen.has(id)) return
            seen.add(id)
            list.push({
              address: placeText({ address: held.endpoint.subarray(row, row + 16), port: endpoints.getUint16(row + PORT, true) }),
              ...counters.of(id),
            })
          },
        })
      }
      return { name, policy, ...(refused === undefined ? {} : { refused }), ...counters.of(state), endpoints: list }
    }),
    http: {
      services: names.services.map(({ listener, routes }) => ({
        listener,
        routes: routes.map(({ state, virtualHost, name, path, lane, why }) => ({
          virtualHost,
          name: name === '' ? path : name,
          lane,
          ...(why === undefined ? {} : { why }),
          ...counters.ofRoute(state),
        })),
      })),
      slow: counters.ofRoute(0).slow,
      observed: observedIds(pins),
    },
  }
}

/** Where the programs are attached, and what is wrong with that. */
export function attachment({ pins }: OpenInstance): Pick<StatusReport, 'cgroup' | 'links' | 'warnings'> {
  const links = new Map(readLinks(pins).map((link) => [link.hook, link]))
  const path = recordedCgroup(pins.cgroup) ?? ''
  const id = existsSync(path) ? cgroupId(path) : 0n
  const elsewhere = [...links.values()].some((link) => link.cgroupId !== id)
  const state: CgroupState = id === 0n ? 'gone' : elsewhere ? 'made-again' : 'governed'
  const missing = HOOKS.filter((hook) => !links.has(hook))
  return {
    cgroup: { path, id: String(id), state },
    links: HOOKS.map((hook) => {
      const link = links.get(hook)
      return { hook, state: link === undefined ? 'missing' : link.cgroupId === id ? 'attached' : 'elsewhere' }
    }),
    warnings: [
      ...(state === 'governed'
        ? []
        : [warning('KM9115', `${path} ${state === 'gone' ? 'was removed' : 'was removed and made again'}: nothing in it is governed`)]),
      ...(missing.length === 0 ? [] : [warning('KM9126', `not attached: ${missing.join(', ')}`)]),
    ],
  }
}
