/**
 * early_header_mutation_extensions: what a connection manager changes in request headers before anything else looks at them. In: its cursor. Out: EarlyMutations;
 * undefined where there are none. Invariant: each mutation sees what the ones before it did.
 * Source: Envoy's source/extensions/http/early_header_mutation/header_mutation/, source/common/http/header_mutation.cc; tried on Envoy 1.40.
 */
import type { EarlyMutations } from '../http/connection-manager.ts'
import type { HeaderAddition, HeaderMutations } from '../http/model.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { evalStringMatch, readStringMatch } from '../match/string-match.ts'
import type { FormatContext } from './format.ts'
import { mutateHeaders, readHeaderAddition } from './header-mutations.ts'

const HEADER_MUTATION = 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation'

type Step = (request: HttpRequest) => void

/** `at`: an HttpConnectionManager */
export function readEarlyMutations(at: Cursor): EarlyMutations | undefined {
  const steps = at.messages('early_header_mutation_extensions').flatMap((extension) => {
    const config = extension.has('typed_config') ? extension.any('typed_config') : undefined
    if (config?.known !== true) return []
    if (config.type === HEADER_MUTATION) return config.messages('mutations').map(readStep)
    config.markAll('diverted', 'no early mutation that is known here')
    return []
  })
  if (steps.length === 0) return undefined
  return {
    apply(request) {
      for (const step of steps) step(request)
    },
  }
}

/** `at`: an envoy.config.common.mutation_rules.v3.HeaderMutation */
function readStep(at: Cursor): Step {
  const append = at.message('append')
  if (append !== undefined) return adding(readHeaderAddition(append))
  const pattern = at.message('remove_on_match')?.message('key_matcher')
  if (pattern !== undefined) {
    const match = readStringMatch(pattern)
    return ({ headers }) => {
      for (const [name] of headers.all) if (evalStringMatch(match, name)) headers.remove(name)
    }
  }
  const name = (at.string('remove') ?? '').toLowerCase()
  return ({ headers }) => headers.remove(name)
}

function adding(addition: HeaderAddition): Step {
  const add: HeaderMutations['requestAdd'] = [addition]
  return (request) => mutateHeaders(request.headers, [], add, contextOf(request))
}

function contextOf(request: HttpRequest): FormatContext {
  return {
    request,
    path: request.path,
    authority: request.authority,
    requestHeaders: request.headers,
    responseHeaders: undefined,
    responseCode: request.codeSoFar,
    details: undefined,
    routeName: '',
    cluster: undefined,
  }
}
