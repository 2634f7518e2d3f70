/**
 * Bodies of direct responses. Envoy refuses one that is longer than the route configuration's max_direct_response_body_size_bytes (4,096 by default),
 * counted in bytes; 0 is no limit (tried). Files and environment variables are those of the machine that Envoy runs on; nothing is said about them.
 */
import { quote } from './quote.ts'
import { routesOf } from './routes-of.ts'
import { ROUTE, type Rule } from './rule.ts'

const DEFAULT_MOST = 4096

export const directResponseBody: Rule = {
  types: [`${ROUTE}RouteConfiguration`],
  check(at, context) {
    const most = at.number('max_direct_response_body_size_bytes') ?? DEFAULT_MOST
    for (const host of at.each('virtual_hosts')) {
      for (const route of routesOf(host)) {
        const body = route.message('direct_response')?.message('body')
        const outside = ['filename', 'environment_variable'].find((field) => body?.has(field) === true)
        if (body !== undefined && outside !== undefined)
          context.warn(
            'KM2034',
            body.at(outside),
            `the body is not in the snapshot: Envoy reads it from ${outside} ${quote(body.string(outside) ?? '')}`,
          )
        const text = body?.string('inline_string')
        const size = text === undefined ? body?.bytes('inline_bytes')?.length : Buffer.byteLength(text)
        if (body !== undefined && size !== undefined && most > 0 && size > most)
          context.refuse('KM2017', body.path, `the body has ${size} bytes, and ${most} is the most`)
      }
    }
  },
}
