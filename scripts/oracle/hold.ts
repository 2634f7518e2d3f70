/** Connections that stay open. In: a place. Out: a socket that has been answered, for the caller to destroy. */
import { connect, type Socket } from 'node:net'
import type { Place } from './endpoints.ts'

/** Resolves once the endpoint has answered; rejects when the connection ends before. */
export function hold(place: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: place.address, port: place.port })
    socket.once('data', () => resolve(socket))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before an answer')))
  })
}

/** Waits for a condition, 5 seconds at most. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the condition did not come')
}
