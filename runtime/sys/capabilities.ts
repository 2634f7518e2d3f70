/**
 * Capabilities of this process. In: the text of /proc/self/status; out: names. See capabilities(7).
 */
import { readFileSync } from 'node:fs'

/** By number, from 0. */
const NAMES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const
export type Capability = (typeof NAMES)[number]

/** The effective set in the text of /proc/PID/status; bits without a name are left out. */
export function parseCapabilities(status: string): ReadonlySet<Capability> {
  const bits = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return new Set(NAMES.filter((_, number) => (bits >> BigInt(number)) & 1n))
}

export function ownCapabilities(): ReadonlySet<Capability> {
  return parseCapabilities(readFileSync('/proc/self/status', 'latin1'))
}

export interface CapabilityNeed {
  readonly capability: Capability
  readonly level: 'required' | 'optional'
  /** what it is for */
  readonly purpose: string
}

/** What the runtime uses; CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON (kernel rule since 5.8). */
export const CAPABILITY_NEEDS: readonly CapabilityNeed[] = [
  { capability: 'CAP_BPF', level: 'required', purpose: 'load programs and maps' },
  { capability: 'CAP_NET_ADMIN', level: 'required', purpose: 'load network programs, attach them to cgroups, destroy sockets' },
  { capability: 'CAP_SYS_ADMIN', level: 'optional', purpose: 'mount a bpffs, look into other network namespaces, name foreign programs' },
  { capability: 'CAP_SYS_PTRACE', level: 'optional', purpose: 'find sockets of processes of other users that escaped' },
]

export function holds(own: ReadonlySet<Capability>, capability: Capability): 'yes' | 'no' {
  if (own.has(capability)) return 'yes'
  return (capability === 'CAP_BPF' || capability === 'CAP_PERFMON') && own.has('CAP_SYS_ADMIN') ? 'yes' : 'no'
}
