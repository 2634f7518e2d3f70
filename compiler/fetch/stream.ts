/**
 * One aggregated stream to one server. In: requests as bytes; out: responses as bytes, and one end. The only place that speaks gRPC.
 * Messages may have any size. Proxies of the environment are not used: the server that is asked is the one that is named.
 */
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  credentials,
  logVerbosity,
  Metadata,
  setLogVerbosity,
} from '@grpc/grpc-js'
import type { StreamEnd } from './failure.ts'

export interface Tls {
  /** PEM; the roots of Node where undefined */
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  /** the name in the server's certificate, where it is not that of the address */
  readonly serverName: string | undefined
}

export interface Target {
  /** host:port, [v6]:port or unix:PATH */
  readonly server: string
  readonly tls: Tls | undefined
  /** gRPC metadata, e.g. authorization */
  readonly headers: readonly (readonly [string, string])[]
}

export interface Stream {
  send(bytes: Buffer): void
  /** is there a connection? */
  connected(): boolean
  /** what was sent still goes out; resolves when the server has ended its side, or soon after */
  close(): Promise<void>
}

export interface StreamEvents {
  response(bytes: Buffer): void
  /** once, whatever the reason */
  end(end: StreamEnd): void
}

// what goes wrong is said by failure.ts, once
setLogVerbosity(logVerbosity.NONE)

const GOODBYE_MS = 500
const UNLIMITED = -1

/** Throws when a certificate or key is no valid PEM. */
export function openStream(target: Target, method: string, events: StreamEvents): Stream {
  const client = new Client(address(target.server), security(target.tls), options(target))
  const metadata = new Metadata()
  for (const [name, value] of target.headers) metadata.add(name, value)
  const identity = (bytes: Buffer): Buffer => bytes
  const call = client.makeBidiStreamRequest(method, identity, identity, metadata)
  let ended: (() => void) | undefined
  const over = new Promise<void>((resolve) => {
    ended = resolve
  })
  call.on('data', (bytes: Buffer) => events.response(bytes))
  // the status event says the same and always comes
  call.on('error', () => undefined)
  call.on('status', ({ code, details }) => {
    ended?.()
    events.end({ code, details })
    client.close()
  })
  return {
    send: (bytes) => {
      call.write(bytes)
    },
    connected: () => client.getChannel().getConnectivityState(false) === connectivityState.READY,
    async close() {
      call.end()
      const timer = setTimeout(() => call.cancel(), GOODBYE_MS)
      await over
      clearTimeout(timer)
    },
  }
}

function address(server: string): string {
  return server.startsWith('unix:') ? server : `dns:${server}`
}

function security(tls: Tls | undefined): ChannelCredentials {
  return tls === undefined ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert)
}

function options({ tls }: Target): ChannelOptions {
  const name = tls?.serverName
  return {
    'grpc.max_receive_message_length': UNLIMITED,
    'grpc.max_send_message_length': UNLIMITED,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
    ...(name !== undefined && { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
  }
}
