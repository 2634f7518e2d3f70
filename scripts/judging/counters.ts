/** How often the kernel programs chose an endpoint so far. In: an instance and a place; out: connections given to it by all clusters. */
import { status } from '../../runtime/status.ts'
import { type Place, placeText } from './places.ts'

export function chosenAt(instance: string, place: Place): number {
  const address = placeText(place)
  const endpoints = status(instance).clusters.flatMap((cluster) => cluster.endpoints)
  return endpoints.reduce((sum, endpoint) => sum + (endpoint.address === address ? Number(endpoint.connections) : 0), 0)
}
