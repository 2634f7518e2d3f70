/**
 * Rewriting the path: prefix_rewrite, regex_rewrite, path_rewrite_policy, path_rewrite of a RouteAction, and the same of a RedirectAction. In: a cursor; the
 * path with query and what the route matched of it. Out: a PathRewrite; the new path with query, or undefined where it stays. The query is always kept.
 * Source: Envoy's source/common/router/config_impl.cc (currentUrlPathAfterRewriteWithMatchedPath); an empty result of regex_rewrite was tried.
 */
import type { PathRewrite } from '../http/model.ts'
import { pathEnd } from '../http/request.ts'
import type { Cursor } from '../input/cursor.ts'
import { readRegex } from '../match/string-match.ts'
import { readTemplate } from './template.ts'

const TEMPLATE_REWRITE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig'

/** `at`: a RouteAction */
export function readPathRewrite(at: Cursor): PathRewrite | undefined {
  const policy = at.message('path_rewrite_policy')
  if (policy !== undefined) {
    const config = policy.any('typed_config')
    if (config?.type !== TEMPLATE_REWRITE) return { kind: 'unknown', type: config?.type ?? '' }
    return { kind: 'template', template: config.string('path_template_rewrite') ?? '' }
  }
  const format = at.string('path_rewrite') ?? ''
  return format === '' ? readCommonRewrite(at) : { kind: 'format', template: readTemplate(format) }
}

/** prefix_rewrite and regex_rewrite, which RouteAction and RedirectAction have in common */
export function readCommonRewrite(at: Cursor): PathRewrite | undefined {
  const prefix = at.string('prefix_rewrite') ?? ''
  if (prefix !== '') return { kind: 'prefix', text: prefix }
  const regex = at.message('regex_rewrite')
  if (regex === undefined) return undefined
  return { kind: 'regex', regex: readRegex(regex.message('pattern')), substitution: regex.string('substitution') ?? '' }
}

/** What a rewrite may ask for beside the path. */
export interface RewriteHelp {
  /** variables of the route's uri_template match */
  readonly captures: () => ReadonlyMap<string, string> | undefined
  readonly format: (template: Extract<PathRewrite, { readonly kind: 'format' }>['template']) => string
}

/** `matchedPath`: the beginning of the path that the route's condition matched */
export function rewritePath(rewrite: PathRewrite, path: string, matchedPath: string, help: RewriteHelp): string | undefined {
  switch (rewrite.kind) {
    case 'prefix':
      return rewrite.text + path.slice(matchedPath.length)
    case 'regex':
      return withNewPath(path, rewrite.regex.replaceAll(path.slice(0, pathEnd(path)), rewrite.substitution))
    case 'template': {
      const captures = help.captures()
      return captures === undefined ? undefined : withNewPath(path, fillTemplate(rewrite.template, captures))
    }
    case 'format':
      return withNewPath(path, help.format(rewrite.template))
    case 'whole':
      return withNewPath(path, rewrite.text)
    default:
      return undefined
  }
}

/** An empty path is none. */
function withNewPath(path: string, newPath: string): string | undefined {
  return newPath === '' ? undefined : newPath + path.slice(pathEnd(path))
}

/** "/{a}/x/{b}" with its variables put in. Source: Envoy's extensions/path/uri_template_lib (RewriteURLTemplatePattern). */
function fillTemplate(template: string, captures: ReadonlyMap<string, string>): string {
  return template.replace(/\{([^}]*)\}/g, (_, name: string) => captures.get(name) ?? '')
}
