/**
 * Header mutations of one level (weighted cluster, route, virtual host, route configuration). In: a cursor of the message that holds the four lists; a map of
 * headers to change. Out: HeaderMutations; the changed map. Invariant: at one level removals come first; then all values are computed from the headers
 * as they are; then overwriting ones are set; then the rest is added. An empty value is dropped unless keep_empty_value;
 * raw_value counts for nothing here (tried).
 * Source: Envoy's source/common/router/header_parser.cc (HeaderParser::evaluateHeaders); route_components.proto for the order of levels.
 */
import type { HeaderAddition, HeaderMutations } from '../http/model.ts'
import type { HeaderPair, Headers } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { lowerCase } from '../match/string-match.ts'
import { type FormatContext, formatTemplate } from './format.ts'
import { readTemplate } from './template.ts'

const NOTHING: HeaderMutations = { requestRemove: [], requestAdd: [], responseRemove: [], responseAdd: [] }

/** `at`: RouteConfiguration, VirtualHost, Route or WeightedCluster.ClusterWeight, whose four fields have the same names */
export function readHeaderMutations(at: Cursor): HeaderMutations {
  const requestRemove = at.strings('request_headers_to_remove')
  const requestAdd = at.messages('request_headers_to_add')
  const responseRemove = at.strings('response_headers_to_remove')
  const responseAdd = at.messages('response_headers_to_add')
  if (requestRemove.length + requestAdd.length + responseRemove.length + responseAdd.length === 0) return NOTHING
  return {
    requestRemove: requestRemove.map(lowerCase),
    requestAdd: requestAdd.map(readHeaderAddition),
    responseRemove: responseRemove.map(lowerCase),
    responseAdd: responseAdd.map(readHeaderAddition),
  }
}

/** `at`: a HeaderValueOption */
export function readHeaderAddition(at: Cursor): HeaderAddition {
  const header = at.message('header')
  return {
    path: at.path,
    name: lowerCase(header?.string('key') ?? ''),
    value: readTemplate(header?.string('value') ?? ''),
    action: actionOf(at.boolean('append'), at.enum('append_action')),
    keepEmpty: at.boolean('keep_empty_value') ?? false,
  }
}

/** the deprecated `append` where it is set, else append_action */
function actionOf(append: boolean | undefined, action: string | undefined): HeaderAddition['action'] {
  if (append !== undefined) return append ? 'append' : 'overwrite_or_add'
  switch (action) {
    case 'ADD_IF_ABSENT':
      return 'add_if_absent'
    case 'OVERWRITE_IF_EXISTS_OR_ADD':
      return 'overwrite_or_add'
    case 'OVERWRITE_IF_EXISTS':
      return 'overwrite_if_exists'
    default:
      return 'append'
  }
}

/** Changes `headers` in place. `context` sees them as they are after the removals. */
export function mutateHeaders(headers: Headers, remove: readonly string[], add: readonly HeaderAddition[], context: FormatContext): void {
  for (const name of remove) headers.remove(name)
  if (add.length === 0) return
  const overwriting: HeaderPair[] = []
  const adding: HeaderPair[] = []
  for (const { name, value, action, keepEmpty } of add) {
    const text = formatTemplate(value, context, '')
    if (text === '' && !keepEmpty) continue
    if (action === 'append') adding.push([name, text])
    else if (action === 'add_if_absent') {
      if (!headers.has(name)) adding.push([name, text])
    } else if (action === 'overwrite_or_add' || headers.has(name)) overwriting.push([name, text])
  }
  for (const [name, text] of overwriting) headers.set(name, text)
  for (const [name, text] of adding) headers.add(name, text)
}
