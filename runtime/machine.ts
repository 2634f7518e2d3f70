/**
 * The machine that apply works on: programs of others, source addresses, live sockets. In: what the user allows; out: an ApplyHost.
 * What cannot be looked at is a warning, never a reason to fail.
 */
import type { ApplyHost } from './apply-request.ts'
import { coded, type Finding, warning } from './coded-error.ts'
import { type EscapeReport, findEscaped, resetEscaped } from './escaped.ts'
import { fillSources } from './fill-sources.ts'
import { type ForeignProgram, foreignPrograms } from './foreign.ts'
import { cgroup2Mount } from './governed-cgroup.ts'
import { placeText } from './socket-address.ts'
import { releaseStaleDatagrams } from './stale-datagrams.ts'

export interface Allowances {
  readonly foreign: 'refuse' | 'allow'
  /** what happens to sockets that escaped */
  readonly existing: 'count' | 'reset'
}

export function machine({ foreign, existing }: Allowances): ApplyHost {
  return {
    checkForeign: (cgroup, own) => {
      const first = foreignPrograms(cgroup, cgroup2Mount(), own).filter(({ order }) => order === 'before')
      if (first.length === 0) return []
      const message = `programs of others run before ours: ${first.map(foreignText).join(', ')}`
      if (foreign === 'refuse') throw coded('KM9111', message)
      return [warning('KM9111', message)]
    },
    fillSources,
    releaseSockets: (cgroup, endpoints) => {
      const { destroyed, remaining } = releaseStaleDatagrams(cgroup, endpoints)
      const stuck = remaining.map(({ socket, why }) => `${placeText({ address: socket.peer, port: socket.peerPort })} (${why})`)
      return {
        released: destroyed,
        warnings: stuck.length === 0 ? [] : [warning('KM9121', `UDP sockets stay connected to endpoints that left: ${stuck.join(', ')}`)],
      }
    },
    escapedSockets: (cgroup, governed) => {
      const found = findEscaped(cgroup, governed)
      if (found.sockets.length === 0) return { escaped: 0, destroyed: 0, warnings: [] }
      if (existing === 'count')
        return { escaped: found.sockets.length, destroyed: 0, warnings: [escapedWarning(found, found.sockets.length)] }
      const { destroyed, remaining } = resetEscaped(found.sockets)
      return { escaped: found.sockets.length, destroyed, warnings: remaining.length === 0 ? [] : [escapedWarning(found, remaining.length)] }
    },
  }
}

function foreignText({ hook, name, id, cgroup }: ForeignProgram): string {
  return `${name === '' ? 'a program' : `"${name}"`} (id ${id}) on ${hook} of ${cgroup}`
}

function escapedWarning({ counts, sockets }: EscapeReport, left: number): Finding {
  const holders = [...new Set(sockets.flatMap((socket) => socket.holders.map(({ pid, name }) => `${name} (${pid})`)))]
  const kinds = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
  return warning(
    'KM9117',
    `${left} live sockets are not governed: ${kinds.join(', ')}${holders.length > 0 ? `; held by ${holders.slice(0, 5).join(', ')}` : ''}`,
  )
}
