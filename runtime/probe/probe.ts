/** Probes as users write them (proto/probes.schema.json), and what is exchanged with the process that makes the dials. Types only. */

export interface Probe {
  readonly name?: string
  /** what a client dials: "192.0.2.1:80" or "[2001:db8::1]:80" */
  readonly dial: string
  readonly protocol?: 'tcp' | 'udp'
  readonly times?: number
  /** milliseconds for each dial */
  readonly within?: number
  readonly expect?: 'connected' | 'refused' | { readonly endpoints: readonly string[] }
  readonly request?: { readonly method?: string; readonly path: string; readonly headers?: Readonly<Record<string, string>> }
  readonly response?: { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
}

export type ToProber = { readonly kind: 'join'; readonly cgroup: string } | { readonly kind: 'probe'; readonly probes: readonly Probe[] }

/** `failed`: one line a probe that did not meet what it expects. */
export type FromProber =
  | { readonly kind: 'joined' }
  | { readonly kind: 'done'; readonly failed: readonly string[] }
  | { readonly kind: 'broken'; readonly why: string }
