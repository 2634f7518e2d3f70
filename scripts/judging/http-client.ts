/**
 * A client in the governed cgroup. In: lines {"host", "port", "requests"} on standard input. Out: for each the answers in order as one line of JSON,
 * or {"error"} when no connection could be made.
 */
import { createInterface } from 'node:readline'
import type { Address } from './http-cases.ts'
import { askAll } from '../routing/raw-client.ts'
import type { RoutingRequest } from '../routing/routing-case.ts'

for await (const line of createInterface({ input: process.stdin })) {
  const { host, port, requests } = JSON.parse(line) as Address & { readonly requests: readonly RoutingRequest[] }
  try {
    process.stdout.write(`${JSON.stringify(await askAll({ host, port }, requests))}\n`)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`)
  }
}
