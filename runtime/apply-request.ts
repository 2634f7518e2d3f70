/**
 * What an apply is asked, what it needs from the machine around it, and what it reports. Types only.
 */
import type { Artifact } from '../proto/artifact/format.ts'
import type { Finding } from './coded-error.ts'
import type { DepartedEndpoint } from './departed.ts'
import type { GovernedAddresses } from './governed-addresses.ts'

/** In this order. A hook is called before each; from `settle` on nothing is undone any more. */
export const APPLY_STEPS = [
  'place',
  'cgroup',
  'foreign',
  'maps',
  'clear',
  'base',
  'links',
  'states',
  'tables',
  'show',
  'programs',
  'sources',
  'record',
  'switch',
  'probe',
  'settle',
  'retire',
  'sockets',
] as const
export type ApplyStep = (typeof APPLY_STEPS)[number]

export interface ApplyRequest {
  readonly artifact: Artifact
  readonly instance: string
  /** --cgroup; default: the recorded one, or <cgroup2>/kmesh/<instance> */
  readonly cgroup?: string
  readonly diverted: 'refuse' | 'pass'
  /** dry-run: load, make and fill everything, switch nothing, remove it again */
  readonly mode: 'apply' | 'dry-run'
  readonly host: ApplyHost
  /** generations that stay for a way back, from now on; default: as before, or DEFAULT_KEEP */
  readonly keep?: number
  /** Unix seconds: the generation is taken back then unless somebody confirms it */
  readonly confirmBy?: number
  /** refuse unless this is what is in force (a plan was made for it); 0: nothing */
  readonly expected?: { readonly generation: number; readonly artifact: string }
  /** called right after the switch; an exception takes the generation back. `joined`: to be called when a process has come into the cgroup */
  readonly probe?: (cgroup: string, joined: () => void) => Promise<void>
  /** called before each step; an exception is a failure of that step */
  readonly steps?: (step: ApplyStep) => void
  /** called after each thing that can be undone was made; an exception is a failure there */
  readonly made?: (what: string) => void
}

/** What apply asks of the machine beyond BPF; machine.ts is the real one. */
export interface ApplyHost {
  /** Looks at programs of others on the hooks of the cgroup. Throws KM9111 to refuse. Gives warnings. */
  checkForeign(cgroup: string, own: ReadonlySet<number>): readonly Finding[]
  /** Fills km_source (netns cookie -> source addresses of the cgroup's processes) through its descriptor. Gives warnings. */
  fillSources(cgroup: string, map: number): readonly Finding[]
  /** Destroys UDP sockets in the cgroup that are connected to these endpoints (pitfall 21). */
  releaseSockets(
    cgroup: string,
    endpoints: readonly DepartedEndpoint[],
  ): { readonly released: number; readonly warnings: readonly Finding[] }
  /** Counts, or destroys, live sockets of the cgroup that lead to a governed address and were never decided (pitfall 18). */
  escapedSockets(
    cgroup: string,
    governed: GovernedAddresses,
  ): { readonly escaped: number; readonly destroyed: number; readonly warnings: readonly Finding[] }
}

export interface LoadedProgramReport {
  readonly unit: string
  readonly program: string
  readonly verifiedInstructions: number
  readonly jitedBytes: number
  /** loaded now, or still loaded from an earlier apply */
  readonly source: 'loaded' | 'pinned'
}

/** Milliseconds. */
export interface ApplyTimes {
  readonly programs: number
  /** inner tables made and put into the maps of maps */
  readonly make: number
  /** state ids given, rows relocated, tables filled */
  readonly fill: number
  /** looking at programs of others, source addresses and live sockets */
  readonly machine: number
  /** the one write */
  readonly switch: number
  readonly total: number
}

export interface ApplyReport {
  readonly instance: string
  readonly mode: 'apply' | 'dry-run'
  readonly cgroup: string
  readonly generation: number
  /** "sha256:..." */
  readonly artifact: string
  /** RFC 3339: taken back then, unless it is confirmed */
  readonly confirmBy?: string
  readonly previous?: { readonly generation: number; readonly artifact: string }
  readonly diverted: 'refuse' | 'pass'
  /** generations that stay for a way back */
  readonly keep: number
  readonly entries: { readonly endpoints: number; readonly listenerKeys: number; readonly states: number; readonly newStates: number }
  readonly entriesPerSecond: number
  readonly times: ApplyTimes
  readonly programs: readonly LoadedProgramReport[]
  /** bytes in the kernel: tables of this generation by name, state rows, and what does not grow with the configuration */
  readonly memory: {
    readonly tables: Readonly<Record<string, number>>
    /** bytes of tables that an earlier generation has as well */
    readonly shared: number
    readonly state: number
    readonly constant: number
    readonly perEndpoint: number
  }
  readonly sockets: { readonly released: number; readonly escaped: number; readonly destroyed: number }
  readonly warnings: readonly Finding[]
}
