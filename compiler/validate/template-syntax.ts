/**
 * The syntax of a rewrite by URI template. In: its text. Out: its variables, or what Envoy has against it.
 * Source: Envoy's extensions/path/uri_template_lib; tried on Envoy 1.40.
 */
export type Reading = { readonly variables: readonly string[] } | { readonly error: string }

const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/
const NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/

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
