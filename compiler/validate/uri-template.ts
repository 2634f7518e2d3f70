/**
 * URI templates of path_match_policy and path_rewrite_policy. Envoy refuses a template that it cannot read, a rewrite with variables that the match does
 * not have, a rewrite policy without the match policy, and prefix_rewrite beside the match policy (Router::RouteEntryImplBase; tried).
 */
import type { Cursor } from '../input/cursor.ts'
import { quote } from './quote.ts'
import { type Context, ROUTE, type Rule } from './rule.ts'
import type { Tools } from './table.ts'
import { type Reading, rewriteMistake } from './template-syntax.ts'

const MATCH = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig'
const REWRITE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig'

export const uriTemplates = ({ inspectRegex, readTemplate }: Tools): Rule => ({
  types: [`${ROUTE}Route`],
  check(at, context) {
    const policy = at.message('match')?.message('path_match_policy')
    const action = at.message('route')
    const match = configOf(policy, MATCH)
    const rewrite = configOf(action?.message('path_rewrite_policy'), REWRITE)
    if (policy !== undefined && action !== undefined && (action.string('prefix_rewrite') ?? '') !== '')
      context.refuse('KM2011', action.at('prefix_rewrite'), 'prefix_rewrite cannot be used with path_match_policy')
    const redirect = at.message('redirect')
    if (policy !== undefined && redirect !== undefined && (redirect.string('prefix_rewrite') ?? '') !== '')
      context.refuse('KM2011', redirect.at('prefix_rewrite'), 'prefix_rewrite of a redirect cannot be used with path_match_policy')
    const template = match?.string('path_template') ?? ''
    const found = match === undefined || template === '' ? undefined : readTemplate(template)
    if (match !== undefined && found !== undefined && 'error' in found)
      context.refuse('KM2027', match.at('path_template'), `${quote(template)}: ${found.error}`)
    // the regex that it becomes is compiled when it is asked for, so that one that is none only fails beside a rewrite
    const isRegex = found === undefined || 'error' in found || !('error' in inspectRegex(found.regex))
    if (rewrite !== undefined) checkRewrite(rewrite, policy, found, context)
    if (rewrite !== undefined && !isRegex)
      context.refuse('KM2028', rewrite.at('path_template_rewrite'), `the template ${quote(template)} that is matched is no regex`)
  },
})

function checkRewrite(rewrite: Cursor, policy: Cursor | undefined, match: Reading | undefined, context: Context): void {
  const text = rewrite.string('path_template_rewrite') ?? ''
  const path = rewrite.at('path_template_rewrite')
  const found = text === '' ? undefined : rewriteMistake(text)
  if (found !== undefined && 'error' in found) context.refuse('KM2027', path, `${quote(text)}: ${found.error}`)
  else if (policy === undefined) context.refuse('KM2028', path, 'a rewrite by template needs a path_match_policy')
  else if (found !== undefined && match !== undefined && 'variables' in match) {
    const missing = found.variables.find((name) => !match.variables.includes(name))
    if (missing !== undefined) context.refuse('KM2028', path, `the template that is matched has no variable ${quote(missing)}`)
  }
}

function configOf(policy: Cursor | undefined, type: string): Cursor | undefined {
  const config = policy?.any('typed_config')
  return config?.type === type && config.known ? config : undefined
}
