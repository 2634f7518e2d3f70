/**
 * What was asked for and what came. In: accepted resources and removals; out: what to subscribe, what is still awaited, what never came.
 * Pure state, kept when a stream breaks. Invariant: a later kind is subscribed only when every earlier one is answered or given up (Envoy's order),
 * and a name that nothing refers to any more is no longer subscribed nor part of the result.
 */
import type { JsonObject } from '../input/json-object.ts'
import { type FetchKind, KINDS } from './kinds.ts'
import type { References } from './references.ts'

export interface Held {
  /** what the server calls it; over delta that is the key of removals */
  readonly key: string
  readonly json: JsonObject
  /** of the resource, over delta */
  readonly version: string
  readonly references: References
}

/** A list of names, or everything that the server has of the kind. */
export type Wanted = 'all' | ReadonlySet<string>

export interface Update {
  /** `whole`: what is not in it is gone (clusters and listeners over state of the world) */
  readonly extent: 'whole' | 'part'
  readonly resources: readonly Held[]
  readonly removed: readonly string[]
}

export interface Missing {
  readonly kind: FetchKind
  /** '' for a kind that was never answered at all */
  readonly name: string
  readonly why: 'unanswered' | 'removed'
}

interface State {
  readonly held: Map<string, Held>
  /** names that the server says it does not have */
  readonly absent: Set<string>
  /** names that were awaited too long */
  readonly abandoned: Set<string>
  answered: boolean
  wanted: Wanted | undefined
}

const NONE: ReadonlySet<string> = new Set()
const EVERYTHING = ''

export class Collection {
  private readonly states = new Map<FetchKind, State>(
    KINDS.map(({ kind }) => [kind, { held: new Map(), absent: new Set(), abandoned: new Set(), answered: false, wanted: undefined }]),
  )
  /** index of the kind whose turn it is; never goes back, so that nothing is unsubscribed and subscribed again */
  private phase = 0

  constructor() {
    this.advance()
  }

  /** Takes what came in; says how many more answers there are now than before. */
  accept(kind: FetchKind, { extent, resources, removed }: Update): number {
    const state = this.state(kind)
    const before = this.answers()
    state.answered = true
    if (extent === 'whole') state.held.clear()
    for (const one of resources) {
      if (state.wanted !== 'all' && state.wanted?.has(one.key) !== true) continue
      state.held.set(one.key, one)
      state.absent.delete(one.key)
    }
    for (const name of removed) {
      state.held.delete(name)
      if (state.wanted !== 'all') state.absent.add(name)
    }
    this.advance()
    return this.answers() - before
  }

  /** What is subscribed now, in order. */
  subscriptions(): readonly (readonly [FetchKind, Wanted])[] {
    return KINDS.slice(0, this.phase + 1).flatMap(({ kind }) => {
      const { wanted } = this.state(kind)
      return wanted === undefined ? [] : [[kind, wanted] as const]
    })
  }

  get complete(): boolean {
    return this.phase === KINDS.length && this.settled()
  }

  /** What is awaited is awaited no longer; the next kind's turn. */
  giveUp(): void {
    for (const { kind } of KINDS.slice(0, this.phase + 1)) for (const name of this.awaited(kind)) this.state(kind).abandoned.add(name)
    this.advance()
  }

  missing(): readonly Missing[] {
    return KINDS.flatMap(({ kind }) => {
      const { wanted, answered, held, absent } = this.state(kind)
      if (wanted === 'all') return answered ? [] : [{ kind, name: EVERYTHING, why: 'unanswered' as const }]
      return [...(wanted ?? NONE)]
        .filter((name) => !held.has(name))
        .sort()
        .map((name) => ({ kind, name, why: absent.has(name) ? ('removed' as const) : ('unanswered' as const) }))
    })
  }

  held(kind: FetchKind): readonly Held[] {
    return [...this.state(kind).held.values()]
  }

  counts(): readonly { readonly kind: FetchKind; readonly held: number; readonly wanted: number }[] {
    return KINDS.map(({ kind }) => {
      const { held, wanted } = this.state(kind)
      return { kind, held: held.size, wanted: wanted === 'all' ? held.size : (wanted?.size ?? 0) }
    })
  }

  /** Named by what came, but read from files. */
  elsewhere(): readonly { readonly kind: FetchKind; readonly name: string }[] {
    return KINDS.flatMap(({ kind }) => this.held(kind).flatMap(({ references }) => references.elsewhere))
  }

  private state(kind: FetchKind): State {
    return this.states.get(kind) as State
  }

  private answers(): number {
    let count = 0
    for (const { held, absent, answered } of this.states.values()) count += held.size + absent.size + (answered ? 1 : 0)
    return count
  }

  /** Names that are neither here, nor said to be absent, nor given up. */
  private awaited(kind: FetchKind): readonly string[] {
    const { wanted, answered, held, absent, abandoned } = this.state(kind)
    if (wanted === undefined) return []
    if (wanted === 'all') return answered || abandoned.has(EVERYTHING) ? [] : [EVERYTHING]
    return [...wanted].filter((name) => !held.has(name) && !absent.has(name) && !abandoned.has(name))
  }

  private advance(): void {
    this.refer()
    while (this.phase < KINDS.length && this.settled()) this.phase++
  }

  /** Is nothing awaited that is subscribed? */
  private settled(): boolean {
    return KINDS.slice(0, this.phase + 1).every(({ kind }) => this.awaited(kind).length === 0)
  }

  /** What each kind is wanted for, by what came. */
  private refer(): void {
    const all = (kind: FetchKind): readonly References[] => this.held(kind).map(({ references }) => references)
    const named = (kinds: readonly FetchKind[], of: (one: References) => readonly string[]): Wanted | undefined => {
      const names = new Set(kinds.flatMap((kind) => all(kind).flatMap(of)))
      return names.size === 0 ? undefined : names
    }
    this.want('cds', 'all')
    this.want('lds', 'all')
    this.want(
      'eds',
      named(['cds'], ({ eds }) => eds),
    )
    this.want('srds', all('lds').some(({ srds }) => srds === 'all') ? 'all' : undefined)
    this.want(
      'ecds',
      named(['cds', 'lds'], ({ ecds }) => ecds),
    )
    this.want(
      'rds',
      named(['lds', 'srds'], ({ rds }) => rds),
    )
  }

  private want(kind: FetchKind, wanted: Wanted | undefined): void {
    const state = this.state(kind)
    state.wanted = wanted
    if (wanted === 'all') return
    for (const name of state.held.keys()) if (wanted?.has(name) !== true) state.held.delete(name)
    for (const name of state.absent) if (wanted?.has(name) !== true) state.absent.delete(name)
  }
}
