/**
 * Opens libbpf and libc through koffi on first use. In: C signatures; out: plain functions, each bound once.
 * Invariant: only files of runtime/sys call this, and loading this module opens nothing (start-up of the CLI matters).
 */
import koffi from 'koffi'
import { SystemError } from './system-error.ts'

type Library = ReturnType<typeof koffi.load>

const opened = new Map<string, Library>()

function library(name: string): Library {
  const known = opened.get(name)
  if (known !== undefined) return known
  try {
    const loaded = koffi.load(name)
    opened.set(name, loaded)
    // libbpf prints to standard error by default; what went wrong is in results and verifier logs
    if (name === LIBBPF) (loaded.func('void *libbpf_set_print(void *fn)') as (fn: null) => unknown)(null)
    return loaded
  } catch (error) {
    throw new SystemError({ call: `dlopen(${name})`, errno: ENOENT, detail: String(error) })
  }
}

const ENOENT = 2
export const LIBBPF = 'libbpf.so.1'
export const LIBC = 'libc.so.6'

/**
 * A function of `name` that is looked up when it is first called. `signature` is a C prototype; void* arguments take a Buffer, null or a
 * BigInt address, void* results are BigInt addresses or null.
 */
export function bind<F extends (...args: never[]) => unknown>(name: string, signature: string): F {
  let bound: F | undefined
  const call = (...args: never[]): unknown => {
    const errno = intercept?.(functionName(signature))
    if (errno !== undefined) return failed(signature, name, errno)
    bound ??= library(name).func(signature) as unknown as F
    return bound(...args)
  }
  return call as F
}

/** The same for calls that wait in the kernel: they run on a thread of the pool. Buffers among the arguments must stay alive until then. */
export function bindWaiting<A extends readonly unknown[]>(name: string, signature: string): (...args: A) => Promise<number> {
  let bound: KoffiAsync | undefined
  return (...args) => {
    const errno = intercept?.(functionName(signature))
    if (errno !== undefined) return Promise.resolve(-errno)
    bound ??= library(name).func(signature) as unknown as KoffiAsync
    const call = bound
    return new Promise((resolve, reject) => {
      call.async(...args, (error: unknown, result: number) => (error === null ? resolve(result) : reject(error)))
    })
  }
}

type Interception = (call: string) => number | undefined

let intercept: Interception | undefined

/** For tests of what happens when a call fails: asked before each; an errno that it gives is the outcome, and the call is not made. */
export function interceptCalls(before: Interception | undefined): void {
  intercept = before
}

/** Called before a store into memory that the kernel has as well: a death falls between two of them as it falls between two calls. They cannot fail. */
export function aboutToStore(): void {
  intercept?.('store')
}

function functionName(signature: string): string {
  return /\*?(\w+)\(/.exec(signature)?.[1] ?? signature
}

/** As the library reports it: libbpf by -errno, both by errno and NULL or -1. */
function failed(signature: string, name: string, errno: number): number | null {
  koffi.errno(errno)
  if (signature.startsWith('void *')) return null
  return name === LIBBPF ? -errno : -1
}

interface KoffiAsync {
  async(...args: readonly unknown[]): void
}

/** errno of the last call that failed with -1 or NULL. */
export function lastErrno(): number {
  return koffi.errno()
}

/** A function that a library calls back while one of its own is called. `release` when nothing will call it any more. */
export function callbackOf<F extends (...args: never[]) => unknown>(
  signature: string,
  work: F,
): { readonly pointer: unknown; release(): void } {
  const pointer = koffi.register(work as unknown as (...args: unknown[]) => unknown, koffi.pointer(koffi.proto(anonymous(signature))))
  return { pointer, release: () => koffi.unregister(pointer) }
}

let prototypes = 0

/** Names of prototypes are given once a process. */
function anonymous(signature: string): string {
  return signature.replace(/(\w+)\(/, `$1_${prototypes++}(`)
}

/** Address of the bytes of a buffer, for structures that hold pointers. The caller keeps the buffer alive. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes)
}

/** The memory at an address, not a copy. Must not be used after it is given back. */
export function memoryAt(address: bigint, bytes: number): DataView {
  return new DataView(koffi.view(address, bytes))
}

/** The C string at an address that a library owns. */
export function textAt(address: bigint | null): string {
  return address === null ? '' : koffi.decode.string(address)
}
