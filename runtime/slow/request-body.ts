/**
 * The body of a request on its way to one or several upstreams. In: the parsed request. Out: the same bytes for each sink that is attached, from the first on as
 * long as they are kept. Invariant: the client is read no faster than the sink that counts takes it; at most KEPT bytes are held for another try.
 */
import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'

/** Envoy's per_connection_buffer_limit_bytes */
const KEPT = 1 << 20
/** what a sink that does not count may lag behind */
const LAG = 1 << 20

export interface RequestBody {
  /** it has been read to its end */
  readonly ended: boolean
  /** resolves then; never when it is cut off */
  readonly whole: Promise<void>
  /** another sink can still have everything */
  readonly kept: boolean
  /** Bytes flow from here on; `lag`: it is dropped where it falls behind, and nobody waits for it. Returns how to detach it. */
  attach(sink: Writable, kind: 'counts' | 'lag'): () => void
}

/** `keep`: for another try */
export function createRequestBody(request: IncomingMessage, keep: 'keep' | 'pass'): RequestBody {
  let kept: Buffer[] | undefined = []
  let size = 0
  let ended = false
  let started = false
  const sinks = new Map<Writable, 'counts' | 'lag'>()
  let announce = (): void => undefined
  const whole = new Promise<void>((resolve) => {
    announce = resolve
  })
  const give = (sink: Writable, kind: 'counts' | 'lag', chunk: Buffer): void => {
    if (sink.destroyed) return
    const room = sink.write(chunk)
    if (kind === 'lag') {
      if (sink.writableLength > LAG) {
        sinks.delete(sink)
        sink.destroy()
      }
    } else if (!room) {
      request.pause()
      sink.once('drain', () => sinks.has(sink) && request.resume())
    }
  }
  request.on('end', () => {
    ended = true
    for (const sink of sinks.keys()) if (!sink.destroyed) sink.end()
    announce()
  })
  const onData = (chunk: Buffer): void => {
    size += chunk.length
    if (keep === 'pass' || size > KEPT) kept = undefined
    kept?.push(chunk)
    for (const [sink, kind] of [...sinks]) give(sink, kind, chunk)
  }
  return {
    get ended() {
      return ended
    },
    whole,
    get kept() {
      return kept !== undefined
    },
    attach(sink, kind) {
      sinks.set(sink, kind)
      for (const chunk of kept ?? []) give(sink, kind, chunk)
      if (ended) sink.end()
      else if (!started) {
        started = true
        request.on('data', onData)
      } else request.resume()
      return () => {
        sinks.delete(sink)
      }
    },
  }
}
