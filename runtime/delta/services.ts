/** The services document of a generation that a delta makes. In: the one that is kept for its base, splices; out: it is kept under the digest of the result, or KM9138 where it cannot be made. */
import type { DeltaDocument } from '../../proto/delta/format.ts'
import { spliceResources } from '../../proto/delta/splice-services.ts'
import { coded } from '../coded-error.ts'
import { keepServicesDocument, readKeptServices } from '../serve/kept-services.ts'

interface Services {
  readonly resources: readonly Readonly<Record<string, unknown>>[]
}

/** Nothing where the base has no HTTP. To be called before the generation comes into force. */
export function keepDeltaServices(
  instance: string,
  { base, result, splices }: { readonly base: string; readonly result: string; readonly splices: DeltaDocument['services'] },
): void {
  const kept = readKeptServices(instance, base)
  if (kept === undefined) {
    if (splices === undefined) return
    throw coded('KM9138', `the services of ${base} are not kept on this node`)
  }
  if (splices === undefined) return keepServicesDocument(instance, result, kept)
  const document = JSON.parse(Buffer.from(kept).toString('utf8')) as Services
  const resources = spliceResources(document.resources, splices)
  if (resources === undefined) throw coded('KM9138', `the services of ${base} are not those that the delta was made from`)
  keepServicesDocument(instance, result, Buffer.from(JSON.stringify({ ...document, resources })))
}
