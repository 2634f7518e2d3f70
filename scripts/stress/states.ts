/**
 * Configurations that can be told apart by every decision. In: a state (which services are in front of which others) and a variant (which endpoints they have). Out: services. Pure.
 *
 * In state k there are k clusters and listeners in front of the services', so that the same row numbers mean other services in other states; a delta leads from one variant of a state to another. Service s has the one endpoint
 * 10.96.(60 + k).(16 * variant + s). A decision that mixed two generations would reach another service's endpoint, or nothing.
 */
import type { Service } from '../kit/governed-artifact.ts'

export const STATES = 5
export const VARIANTS = 3
export const SERVICES = 4
export const SERVICE_PORT = 80
const ENDPOINT_PORT = 27470
const FIRST = 60
/** number of the service whose clusters stand in front */
const FRONT = 9

export interface State {
  readonly state: number
  readonly variant: number
}

/** As the lookups tell it. */
export function stateName({ state, variant }: State): string {
  return `${FIRST + state}.${variant}`
}

export function serviceAddress(service: number): string {
  return `10.96.50.${service}`
}

export function endpointOf({ state, variant }: State, service: number): { readonly address: string; readonly port: number } {
  return { address: `10.96.${FIRST + state}.${16 * variant + service}`, port: ENDPOINT_PORT }
}

/** The state that an endpoint of this service belongs to; undefined: it is none of its. */
export function stateOf(place: string, service: number): string | undefined {
  const found = /^10\.96\.(\d+)\.(\d+):/.exec(place)
  return found === null || Number(found[2]) % 16 !== service ? undefined : `${found[1]}.${Math.floor(Number(found[2]) / 16)}`
}

export function everyState(): readonly State[] {
  return Array.from({ length: STATES * VARIANTS }, (_, index) => ({ state: Math.floor(index / VARIANTS), variant: index % VARIANTS }))
}

export function servicesOf(state: State): readonly Service[] {
  const endpoint = (service: number): string => {
    const { address, port } = endpointOf(state, service)
    return `${address}:${port}`
  }
  const front = Array.from({ length: state.state }, (_, index): Service => {
    const name = `a-${index}`
    return { name, address: `10.96.51.${index + 1}`, port: SERVICE_PORT, protocol: 'tcp', endpoints: [endpoint(FRONT)] }
  })
  const own = Array.from({ length: SERVICES }, (_, index) =>
    (['tcp', 'udp'] as const).map((protocol): Service => {
      const name = `service-${index + 1}-${protocol}`
      return { name, address: serviceAddress(index + 1), port: SERVICE_PORT, protocol, endpoints: [endpoint(index + 1)] }
    }),
  )
  return [...front, ...own.flat()]
}
