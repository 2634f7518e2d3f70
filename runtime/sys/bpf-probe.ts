/**
 * Loads tiny programs to find out what this kernel can do. In: a program type and instructions, written as tuples; out: a descriptor, or why not.
 * Invariant: nothing stays in the kernel beyond the descriptors that are returned. See bpf(2) and Documentation/bpf/standardization.
 */
import { SOCKMAP_ATTACH_TYPES } from './libbpf-sockmap.ts'
import { addressOf } from './library.ts'
import { bpf, closeDescriptor } from './libc.ts'
import { type HookName, ATTACH_TYPES } from './libbpf-link.ts'
import { SystemError } from './system-error.ts'

/** Operation, destination, source, offset, immediate of one 8-byte instruction. */
export type Instruction = readonly [operation: number, destination: number, source: number, offset: number, immediate: number]

const MOV_IMMEDIATE = 0xb7
const MOV_REGISTER = 0xbf
const LOAD_64 = 0x79
const LOAD_MAP = 0x18
const STORE_32 = 0x62
const ADD_IMMEDIATE = 0x07
const CALL = 0x85
const EXIT = 0x95
const PSEUDO_MAP_FD = 1

/** Instructions by name; registers by number. */
export const op = {
  set: (register: number, value: number): Instruction => [MOV_IMMEDIATE, register, 0, 0, value],
  copy: (to: number, from: number): Instruction => [MOV_REGISTER, to, from, 0, 0],
  add: (register: number, value: number): Instruction => [ADD_IMMEDIATE, register, 0, 0, value],
  load64: (to: number, from: number, offset: number): Instruction => [LOAD_64, to, from, offset, 0],
  store32: (to: number, offset: number, value: number): Instruction => [STORE_32, to, 0, offset, value],
  /** two instructions wide */
  map: (register: number, fd: number): readonly Instruction[] => [
    [LOAD_MAP, register, PSEUDO_MAP_FD, 0, fd],
    [0, 0, 0, 0, 0],
  ],
  call: (helper: number): Instruction => [CALL, 0, 0, 0, helper],
  exit: (): Instruction => [EXIT, 0, 0, 0, 0],
} as const

export interface ProgramKind {
  /** bpf_prog_type */
  readonly type: number
  /** bpf_attach_type */
  readonly attachType: number
}

const CGROUP_SOCK = 9
const SOCK_OPS = 13
const CGROUP_SOCK_ADDR = 18

export function kindOf(hook: HookName): ProgramKind {
  const type = hook === 'sock_ops' ? SOCK_OPS : hook === 'sock_release' ? CGROUP_SOCK : CGROUP_SOCK_ADDR
  // sock_ops programs carry no expected attach type
  return { type, attachType: hook === 'sock_ops' ? 0 : ATTACH_TYPES[hook] }
}

const SK_SKB = 14
const SK_MSG = 16

/** Programs of HTTP sockets: on what they send, and on what arrives at them. */
export type SocketProgram = 'sk_msg' | 'sk_skb'

export function kindOfSocketProgram(program: SocketProgram): ProgramKind {
  return program === 'sk_msg'
    ? { type: SK_MSG, attachType: SOCKMAP_ATTACH_TYPES.sk_msg }
    : { type: SK_SKB, attachType: SOCKMAP_ATTACH_TYPES.sk_skb_verdict }
}

export type ProbeResult =
  | { readonly kind: 'loaded'; readonly fd: number }
  | { readonly kind: 'refused'; readonly error: SystemError; readonly log: string }

const BPF_PROG_LOAD = 5
const ATTRIBUTE_BYTES = 128
const LOG_BYTES = 1 << 16

/** The caller closes the descriptor. Any refusal is a result; its log is the verifier's. */
export function probeProgram(kind: ProgramKind, instructions: readonly Instruction[], name = 'kmesh_probe'): ProbeResult {
  const code = encode(instructions)
  const license = Buffer.from('GPL\0')
  const log = Buffer.alloc(LOG_BYTES)
  const attr = Buffer.alloc(ATTRIBUTE_BYTES)
  attr.writeUInt32LE(kind.type, 0)
  attr.writeUInt32LE(instructions.length, 4)
  attr.writeBigUInt64LE(addressOf(code), 8)
  attr.writeBigUInt64LE(addressOf(license), 16)
  attr.writeUInt32LE(1, 24)
  attr.writeUInt32LE(LOG_BYTES, 28)
  attr.writeBigUInt64LE(addressOf(log), 32)
  attr.write(name.slice(0, 15), 48, 'latin1')
  attr.writeUInt32LE(kind.attachType, 68)
  try {
    return { kind: 'loaded', fd: bpf(BPF_PROG_LOAD, attr) }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error
    const end = log.indexOf(0)
    return { kind: 'refused', error, log: log.toString('latin1', 0, end < 0 ? log.length : end) }
  }
}

function encode(instructions: readonly Instruction[]): Buffer {
  const code = Buffer.alloc(instructions.length * 8)
  instructions.forEach(([operation, destination, source, offset, immediate], i) => {
    code.writeUInt8(operation, i * 8)
    code.writeUInt8(destination | (source << 4), i * 8 + 1)
    code.writeInt16LE(offset, i * 8 + 2)
    code.writeInt32LE(immediate, i * 8 + 4)
  })
  return code
}

/** A program that lets everything through: 1 is the verdict "go on" on every hook that has one. */
export const PASS: readonly Instruction[] = [op.set(0, 1), op.exit()]

export type HelperResult = 'present' | 'absent' | 'not permitted'

/**
 * Whether programs of this kind may call a helper, found without calling it well: the verifier says of a missing one that it is unknown,
 * of a present one that its arguments are wrong (or takes it). 'not permitted': nothing can be loaded, so nothing can be said.
 */
export function probeHelper(kind: ProgramKind, helper: number): HelperResult {
  const probe = probeProgram(kind, [op.call(helper), op.set(0, 1), op.exit()])
  if (probe.kind === 'loaded') {
    closeDescriptor(probe.fd)
    return 'present'
  }
  if (/unknown func|invalid func|cannot use helper/.test(probe.log)) return 'absent'
  return probe.log === '' ? 'not permitted' : 'present'
}
