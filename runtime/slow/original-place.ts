/** "ip:port" and "[ip]:port" as two parts. In: text. Out: address and port. */
export function placeOf(text: string): { readonly address: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { address: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) }
}
