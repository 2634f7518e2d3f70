/** What HTTP takes for the name of a header (RFC 9110, 5.6.2). Envoy sends no request with another one, which only a mutation can have added. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name)
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
