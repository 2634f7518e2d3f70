/** HTTP services as rows of km_http and names of km_name. In: the services of a Program. Out: tables, the row of each service, and where each route is decided. */
import type { HttpService } from '../../ir/program.ts'
import { actionLowering } from './actions.ts'
import { createHttpBuilder } from './builder.ts'
import { lowerService } from './lower-service.ts'
import type { HttpContext, LoweredHttp } from './lowered.ts'

export function lowerServices(services: readonly HttpService[], context: HttpContext): LoweredHttp {
  if (services.length === 0)
    return {
      tables: {
        http: new Uint8Array(0),
        name: { keys: new Uint8Array(0), values: new Uint8Array(0) },
        httpRelocations: new Uint32Array(0),
      },
      services: [],
      features: new Set(),
      lanes: [],
    }
  const builder = createHttpBuilder(context)
  const lowered = services.map((service) => lowerService(service, builder, actionLowering))
  return {
    tables: builder.finish(),
    services: lowered.map(({ row }) => row),
    features: builder.features,
    lanes: lowered.map(({ lanes }) => lanes),
  }
}
