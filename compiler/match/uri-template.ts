/**
 * RouteMatch.path_match_policy with envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig: the whole path, without query, fits a template such
 * as /a/{name}/*.html. Another policy is named and never holds. A template that breaks the rules has an `error` and never matches.
 */
import type { PathMatcher } from './matcher.ts'
import { quote } from './matcher.ts'
import { createRegex, type Regex } from './regex.ts'
import { parseUriTemplate } from './uri-template-parse.ts'

export type PathPolicyMatch =
  | { readonly kind: 'path_match_policy'; readonly template: string; readonly regex: Regex; readonly error: string | undefined }
  | { readonly kind: 'path_match_policy'; readonly template: undefined; readonly type: string }

const TYPE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig'

export const uriTemplate: PathMatcher<PathPolicyMatch> = {
  kind: 'path_match_policy',
  read(at) {
    if (!at.has('path_match_policy')) return []
    const extension = at.message('path_match_policy')
    extension?.string('name')
    const config = extension?.any('typed_config')
    if (config === undefined || config.type !== TYPE || !config.known) {
      return [{ kind: 'path_match_policy', template: undefined, type: config?.type ?? 'nothing' }]
    }
    const template = config.string('path_template') ?? ''
    const parsed = parseUriTemplate(template)
    return 'error' in parsed
      ? [{ kind: 'path_match_policy', template, regex: createRegex(''), error: parsed.error }]
      : [{ kind: 'path_match_policy', template, regex: createRegex(parsed.regex), error: undefined }]
  },
  eval: (node, request) => node.template !== undefined && node.error === undefined && node.regex.matches(request.barePath),
  why(node, request) {
    if (node.template === undefined) return `the path match policy ${node.type} is not known`
    if (node.error !== undefined) return `the template ${quote(node.template)} is invalid: ${node.error}`
    return `the path ${quote(request.barePath)} does not fit the template ${quote(node.template)}`
  },
  matched: (_node, request) => request.barePath,
}
