/**
 * The lane of a virtual host all of whose requests the kernel decides, which is nearly every one, in little memory. In: the virtual host and the states of its routes.
 * Out: what a VirtualHostLane says; paths and names are read when somebody asks.
 */
import type { VirtualHost } from '../../http/model.ts'
import type { RouteLane, VirtualHostLane } from './lowered.ts'

export class KernelLane implements VirtualHostLane {
  private readonly host: VirtualHost
  private readonly states: number | readonly number[]

  /** `states`: of its routes, in order */
  constructor(host: VirtualHost, states: readonly number[]) {
    this.host = host
    this.states = states.length === 1 ? (states[0] as number) : states
  }

  get path(): string {
    return this.host.path
  }

  get name(): string {
    return this.host.name
  }

  get slow(): undefined {
    return undefined
  }

  get routes(): readonly RouteLane[] {
    const { host, states } = this
    return typeof states === 'number'
      ? [new KernelRoute(host, 0, states)]
      : states.map((state, index) => new KernelRoute(host, index, state))
  }
}

class KernelRoute implements RouteLane {
  readonly state: number
  private readonly host: VirtualHost
  private readonly index: number

  constructor(host: VirtualHost, index: number, state: number) {
    this.host = host
    this.index = index
    this.state = state
  }

  get path(): string {
    return this.host.routes[this.index]?.path ?? ''
  }

  get name(): string {
    return this.host.routes[this.index]?.name ?? ''
  }

  get lane(): 'kernel' {
    return 'kernel'
  }

  get why(): string {
    return ''
  }
}
