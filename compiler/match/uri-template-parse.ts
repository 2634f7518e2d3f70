/**
 * URI templates of Envoy's path extensions. In: a template; out: the regex that it stands for and its variables, or what is wrong with it.
 * A segment is a glob, or text with at most one variable in it. A "*" within text is no glob: Envoy leaves it as it is in the regex, where it repeats what
 * is before it. Source: envoy.extensions.path.match.uri_template.v3 (uri_template_match.proto) and Envoy's uri_template_internal.cc; tried on Envoy 1.40.
 */
export type UriTemplate = { readonly regex: string; readonly variables: readonly string[] } | { readonly error: string }

const LITERAL = "a-zA-Z0-9-._~%!$&'()+,;:@*="
const VALID_LITERAL = new RegExp(`^[${LITERAL}]+$`)
const ONE_SEGMENT = `[${LITERAL}]+`
const REST = `[${LITERAL}/]*`
const MOST_VARIABLES = 5
const LONGEST_NAME = 16

/** What is left to read, and what was read of it. */
interface State {
  left: string
  regex: string
  readonly variables: string[]
  /** `**` was there: no glob may follow */
  rest: boolean
}

export function parseUriTemplate(template: string): UriTemplate {
  if (!/^\/[\x21-\x7e]*$/.test(template)) return { error: 'it does not start with "/", or has characters that are not printable' }
  const state: State = { left: template.slice(1), regex: '/', variables: [], rest: false }
  while (state.left !== '') {
    const error = readSegment(state)
    if (error !== undefined) return { error }
    if (state.left === '') break
    if (state.left === '/') {
      state.regex += '/'
      break
    }
    if (state.left[0] === '/') {
      state.left = state.left.slice(1)
      state.regex += '/'
    } else {
      // behind a glob
      const suffix = readLiteral(state)
      if (suffix !== undefined) return { error: suffix }
      if (state.left !== '') return { error: 'a "/" follows the text behind a glob' }
    }
  }
  return { regex: state.regex, variables: state.variables }
}

function readSegment(state: State): string | undefined {
  if (state.left[0] === '*') return readGlob(state)
  if (state.left[0] !== '{') {
    const segment = /^[^/]*/.exec(state.left)?.[0] ?? ''
    const open = segment.indexOf('{')
    if (open < 0) return readLiteral(state)
    const error = readLiteral(state, open)
    if (error !== undefined) return error
    if (!segment.includes('}')) return `the "{" in "${segment}" has no "}"`
  }
  const error = readVariable(state)
  return error !== undefined || state.left === '' || state.left[0] === '/' ? error : readLiteral(state)
}

function readGlob(state: State): string | undefined {
  if (state.rest) return 'a glob follows "**"'
  const rest = state.left.startsWith('**')
  state.rest = rest
  state.left = state.left.slice(rest ? 2 : 1)
  state.regex += rest ? REST : ONE_SEGMENT
  return undefined
}

/** `end`: where it ends, at the next "/" by default */
function readLiteral(state: State, end = state.left.indexOf('/')): string | undefined {
  const literal = end < 0 ? state.left : state.left.slice(0, end)
  if (literal === '') return 'a segment is empty'
  if (!VALID_LITERAL.test(literal)) return `"${literal}" has characters that a literal cannot have`
  state.left = state.left.slice(literal.length)
  state.regex += literal.replace(/[$()+.]/g, '\\$&')
  return undefined
}

function readVariable(state: State): string | undefined {
  const end = state.left.indexOf('}')
  if (end < 0) return 'a "{" has no "}"'
  const inside = state.left.slice(1, end)
  state.left = state.left.slice(end + 1)
  const equals = inside.indexOf('=')
  const name = equals < 0 ? inside : inside.slice(0, equals)
  if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) return `"${name}" is no name of a variable`
  if (name.length > LONGEST_NAME) return `the name of variable "${name}" is longer than ${LONGEST_NAME} characters`
  if (state.variables.includes(name)) return `variable "${name}" is there twice`
  if (state.variables.length >= MOST_VARIABLES) return `it has more than ${MOST_VARIABLES} variables`
  state.variables.push(name)
  state.regex += `(?P<${name}>`
  const inner: State = { left: equals < 0 ? '*' : inside.slice(equals + 1), regex: '', variables: state.variables, rest: state.rest }
  if (inner.left === '') return `variable "${name}" matches nothing`
  for (;;) {
    const error = inner.left[0] === '*' ? readGlob(inner) : readLiteral(inner)
    if (error !== undefined) return error
    if (inner.left === '') break
    if (inner.left[0] !== '/' || inner.left.length === 1) return `the match of variable "${name}" is invalid`
    inner.left = inner.left.slice(1)
    inner.regex += '/'
  }
  state.rest = inner.rest
  state.regex += `${inner.regex})`
  return undefined
}
