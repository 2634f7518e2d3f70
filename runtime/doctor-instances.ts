/**
 * The instances on this machine: are they whole, is their cgroup still the one they are attached to, and what would happen without them.
 * In: the pins; out: checks, and what each governs. Nothing is changed, no lock is taken.
 */
import { release } from 'node:os'
import { CodedError } from './coded-error.ts'
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { recordedCgroup } from './governed-cgroup.ts'
import { decidedPlaces } from './decided-places.ts'
import { openInstance, readGeneration, readListeners } from './held-generation.ts'
import { readLinks } from './links.ts'
import { pinsOf } from './pins.ts'
import { listInstances } from './place.ts'
import { divertedOf } from './record.ts'
import { kernelLine } from '../proto/artifact/proof.ts'
import { addressText } from '../proto/address/address-text.ts'
import { isAnyAddress } from '../proto/address/mapped.ts'
import { holderListens } from './serve/holder-presence.ts'
import { cgroupId, cgroupSubtree } from './sys/cgroup.ts'
import { findBpffs } from './sys/mountinfo.ts'
import { namespacesOf } from './sys/netns.ts'
import { processesOf } from './sys/process.ts'
import { routesTo } from './sys/route.ts'
import { isErrno } from './sys/system-error.ts'

export interface InstanceChecks {
  readonly checks: readonly Check[]
  readonly governed: readonly { readonly path: string; readonly ours: ReadonlySet<number> }[]
}

export function instanceChecks(): InstanceChecks {
  const bpffs = findBpffs()
  if (bpffs === undefined) return { checks: [], governed: [] }
  const names = readable(() => listInstances(bpffs)) ?? []
  const governed: { path: string; ours: ReadonlySet<number> }[] = []
  const checks = names.flatMap((name): readonly Check[] => [
    ...reported(name, () => {
      const pins = pinsOf(bpffs, name)
      const path = recordedCgroup(pins.cgroup)
      if (path === null) return [missing({ ...instance(name), code: 'KM9123' }, 'has no cgroup')]
      const links = readLinks(pins)
      const cgroup = cgroupCheck(
        name,
        path,
        links.map((link) => link.cgroupId),
      )
      if (cgroup.state === 'ok') governed.push({ path, ours: new Set(links.map((link) => link.programId)) })
      return [cgroup]
    }),
    ...reported(name, () => holderCheck(name)),
    ...reported(name, () => proofCheck(name)),
    ...reported(name, () => addressCheck(name, recordedCgroup(pinsOf(bpffs, name).cgroup))),
  ])
  return { checks, governed }
}

const instance = (name: string): Subject => ({ group: 'instances', name, level: 'recommended', code: 'KM9107' })

/** Failures that have a code become checks; so does an instance that may not be read. */
function reported(name: string, work: () => readonly Check[]): readonly Check[] {
  try {
    return work()
  } catch (error) {
    if (error instanceof CodedError) {
      return error.findings.map(({ code, message, fix }) =>
        missing({ ...instance(name), code, ...(fix === undefined ? {} : { fix }) }, message),
      )
    }
    // it was detached meanwhile
    if (isErrno(error, 'ENOENT')) return []
    if (isErrno(error, 'EPERM', 'EACCES')) return [missing({ ...instance(name), code: 'KM9206' }, 'may not be read', 'unknown')]
    throw error
  }
}

/** Compares the cgroup of the links with that of the path (pitfall 19): a removed directory leaves links that look alive. */
function cgroupCheck(name: string, path: string, attached: readonly bigint[]): Check {
  const subject: Subject = { group: 'instances', name: `${name}: cgroup`, level: 'recommended', code: 'KM9115' }
  let id: bigint
  try {
    id = cgroupId(path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
    return missing(subject, `${path} is gone; the programs govern nothing that starts now`)
  }
  if (attached.length === 0) return missing({ ...subject, code: 'KM9123' }, 'nothing is attached')
  if (attached.every((one) => one === id)) return found(subject, path)
  return missing(subject, `${path} was removed and made again; the programs are attached to the one before`)
}

/** Services that are routed request by request refuse connections while nobody accepts for them. */
function holderCheck(name: string): readonly Check[] {
  const subject: Subject = { group: 'instances', name: `${name}: holder`, level: 'recommended', code: 'KM9304' }
  const open = openInstance(name)
  try {
    if (readGeneration(open).names.services.length === 0) return []
  } finally {
    open.tables.close()
  }
  return holderListens(name)
    ? [found(subject, 'accepts for its HTTP services')]
    : [missing(subject, 'nobody accepts for its HTTP services: connections to them are refused')]
}

/** Nothing is said of an artifact that nobody gave a proof. */
function proofCheck(name: string): readonly Check[] {
  const subject: Subject = { group: 'instances', name: `${name}: verified before`, level: 'recommended', code: 'KM9140' }
  const open = openInstance(name)
  try {
    const { proven = [] } = readGeneration(open).names
    const line = kernelLine(release())
    if (proven.length === 0 || line === undefined) return []
    const detail = `its programs were verified on kernels ${proven.join(', ')}`
    return [proven.includes(line) ? found(subject, detail) : missing(subject, `${detail}; this is ${line}`)]
  } finally {
    open.tables.close()
  }
}

const LOOKED_AT = 4096
const SHOWN = 5

/** Which service addresses lead out of the machine when the programs are not there (pitfall 8). */
function addressCheck(name: string, cgroup: string | null): readonly Check[] {
  const subject: Subject = { group: 'instances', name: `${name}: service addresses`, level: 'recommended', code: 'KM9214' }
  const addresses = serviceAddresses(name).slice(0, LOOKED_AT)
  const outward = new Set<string>()
  for (const namespace of clientNamespaces(cgroup)) {
    const routes = routesTo(namespace, addresses)
    if (routes.kind !== 'entered') continue
    routes.value.forEach((route, i) => {
      if (route === 'outward') outward.add(addressText(addresses[i] as Uint8Array))
    })
  }
  if (outward.size === 0) return [found(subject, `${addresses.length}; none leads out of the machine without the programs`)]
  const shown = [...outward].slice(0, SHOWN)
  return [
    missing(
      subject,
      `${outward.size} of ${addresses.length} have a route that leaves the machine: ${shown.join(', ')}${outward.size > SHOWN ? ', ...' : ''}`,
    ),
  ]
}

/** What clients dial: each exact address of a listener, once. */
function serviceAddresses(instance: string): readonly Uint8Array[] {
  const open = openInstance(instance)
  try {
    const { record, cluster } = readGeneration(open)
    const { listeners, matches, chain } = readListeners(open, record)
    const tables = {
      listenerKeys: listeners.keys,
      listenerValues: listeners.values,
      matchKeys: matches.keys,
      matchValues: matches.values,
      chain,
      cluster,
    }
    const places = [...decidedPlaces(tables, divertedOf(record))]
    return [...new Map(places.map(({ address }) => [addressText(address), address])).values()].filter((address) => !isAnyAddress(address))
  } finally {
    open.tables.close()
  }
}

/** Where clients are: the namespaces of governed processes; ours when there are none. */
function clientNamespaces(cgroup: string | null) {
  const pids = cgroup === null ? [] : (readable(() => processesOf(cgroupSubtree(cgroup))) ?? [])
  const { namespaces } = namespacesOf(pids)
  return pids.length === 0 ? namespaces : namespaces.filter((namespace) => namespace.pids.length > 0)
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'EPERM')) return undefined
    throw error
  }
}
