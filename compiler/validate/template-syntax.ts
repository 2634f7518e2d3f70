/**
 * The syntax of URI templates. In: a template. Out: its variables, or what Envoy has against it.
 * Source: Envoy's extensions/path/uri_template_lib; tried on Envoy 1.40, which also takes globs and variables in the middle of a segment.
 */
export type Reading = { readonly variables: readonly string[] } | { readonly error: string }

const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/
const MIXED = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=*{}_]*$/
const NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/
const MOST_VARIABLES = 5
const LONGEST_NAME = 16

/** Refuses what Envoy was seen to refuse; a form that is not clear is let through. */
export function templateMistake(template: string): Reading {
  if (!/^\/[\x21-\x7e]*$/.test(template)) return { error: 'it has to begin with "/" and may hold printable ASCII only' }
  const variables: string[] = []
  let rest = false
  const segments = segmentsOf(template)
  for (const [index, segment] of segments.entries()) {
    if (segment === '') {
      if (index < segments.length - 1) return { error: 'it has "//"' }
      continue
    }
    if (!MIXED.test(segment.replace(/\{[^}]*\}/g, ''))) return { error: `${JSON.stringify(segment)} has characters that are not allowed` }
    const open = segment.replace(/\{[^{}]*\}/g, '')
    if (/[{}]/.test(open)) return { error: 'a bracket has no partner' }
    if (/^\*.*\{/.test(segment)) return { error: 'a variable follows a glob in one segment' }
    if (/^[^{].*\{[^}]*\//.test(segment)) return { error: 'a variable behind text holds a "/"' }
    for (const [, inside = ''] of segment.matchAll(/\{([^}]*)\}/g)) {
      const problem = variableMistake(inside, variables)
      if (problem !== undefined) return { error: problem }
    }
    if (/\}\{/.test(segment)) return { error: 'two variables stand side by side' }
    const globs = globsOf(segment)
    for (const glob of globs) {
      if (rest) return { error: 'a glob follows "**"' }
      rest = glob === '**'
    }
  }
  return { variables }
}

/** between slashes that are outside of brackets */
function segmentsOf(template: string): readonly string[] {
  return template.slice(1).split(/\/(?![^{}]*\})/)
}

/** A whole segment that is a glob or a variable; a variable without a pattern is "*". */
function globsOf(segment: string): readonly string[] {
  if (segment === '*' || segment === '**') return [segment]
  const [, inside] = /^\{([^}]*)\}$/.exec(segment) ?? []
  if (inside === undefined) return []
  const pattern = inside.includes('=') ? inside.slice(inside.indexOf('=') + 1) : '*'
  return pattern.split('/').filter((part) => part === '*' || part === '**')
}

function variableMistake(inside: string, variables: string[]): string | undefined {
  const equals = inside.indexOf('=')
  const name = equals < 0 ? inside : inside.slice(0, equals)
  const pattern = equals < 0 ? undefined : inside.slice(equals + 1)
  if (!NAME.test(name)) return `${JSON.stringify(name)} is no name of a variable`
  if (name.length > LONGEST_NAME) return `the name "${name}" is longer than ${LONGEST_NAME} characters`
  if (variables.includes(name)) return `the variable "${name}" is there twice`
  if (variables.length >= MOST_VARIABLES) return `it has more than ${MOST_VARIABLES} variables`
  variables.push(name)
  if (pattern === undefined) return undefined
  if (pattern === '') return `the variable "${name}" matches nothing`
  if (pattern.startsWith('/') || pattern.endsWith('/') || pattern.includes('//')) return `the pattern of "${name}" has a misplaced "/"`
  return undefined
}

export function rewriteMistake(text: string): Reading {
  if (!text.startsWith('/')) return { error: 'it has to begin with "/"' }
  if (text.includes('//')) return { error: 'it has "//"' }
  const variables: string[] = []
  const literals = text.replace(/\{([^{}]*)\}/g, (_all, name: string) => {
    variables.push(name)
    return '\n'
  })
  const wrong = variables.find((name) => !NAME.test(name))
  if (wrong !== undefined) return { error: `${JSON.stringify(wrong)} is no name of a variable` }
  // a "*" is taken in a rewrite and stands for itself (tried)
  const odd = literals.split('\n').find((part) => part !== '' && !LITERAL.test(part.replace(/[/*]/g, 'a')))
  return odd === undefined ? { variables } : { error: `${JSON.stringify(odd)} has characters that are not allowed` }
}
