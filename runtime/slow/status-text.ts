/** Reason phrases as Envoy writes them. In: a status. Out: its text. Source: Envoy's http/codes.cc. */
import { STATUS_CODES } from 'node:http'

const OWN: Readonly<Record<number, string>> = {
  413: 'Payload Too Large',
  416: 'Range Not Satisfiable',
  418: 'Unknown',
  425: 'Unknown',
  509: 'Unknown',
}

export function statusText(status: number): string {
  return OWN[status] ?? STATUS_CODES[status] ?? 'Unknown'
}
