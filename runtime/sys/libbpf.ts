/**
 * Loads an ELF object of BPF programs. In: its bytes, and descriptors of the maps that it names; out: the loaded programs.
 * Maps are never made here, apart from the object's own constant data (.rodata): each one that the object declares must be given.
 * Invariant: after a failure nothing of the object is left in the kernel. The verifier's log is asked for only when a load fails.
 */
import { addressOf, bind, lastErrno, LIBBPF, textAt } from './library.ts'
import { checked, SystemError } from './system-error.ts'

type Pointer = bigint | null
const openMem = bind<(bytes: Uint8Array, size: number, options: Uint8Array) => Pointer>(
  LIBBPF,
  'void *bpf_object__open_mem(const void *obj_buf, size_t obj_buf_sz, const void *opts)',
)
const loadObject = bind<(object: Pointer) => number>(LIBBPF, 'int bpf_object__load(void *obj)')
const closeObject = bind<(object: Pointer) => void>(LIBBPF, 'void bpf_object__close(void *obj)')
const nextMap = bind<(object: Pointer, map: Pointer) => Pointer>(LIBBPF, 'void *bpf_object__next_map(void *obj, void *map)')
const mapName = bind<(map: Pointer) => Pointer>(LIBBPF, 'void *bpf_map__name(void *map)')
const mapIsInternal = bind<(map: Pointer) => boolean>(LIBBPF, 'bool bpf_map__is_internal(void *map)')
const mapReuseFd = bind<(map: Pointer, fd: number) => number>(LIBBPF, 'int bpf_map__reuse_fd(void *map, int fd)')
const nextProgram = bind<(object: Pointer, program: Pointer) => Pointer>(LIBBPF, 'void *bpf_object__next_program(void *obj, void *prog)')
const programName = bind<(program: Pointer) => Pointer>(LIBBPF, 'void *bpf_program__name(void *prog)')
const programSection = bind<(program: Pointer) => Pointer>(LIBBPF, 'void *bpf_program__section_name(void *prog)')
const programFd = bind<(program: Pointer) => number>(LIBBPF, 'int bpf_program__fd(void *prog)')
const setLogBuffer = bind<(program: Pointer, log: Uint8Array, size: number) => number>(
  LIBBPF,
  'int bpf_program__set_log_buf(void *prog, void *log_buf, size_t log_size)',
)

const setLogLevel = bind<(program: Pointer, level: number) => number>(
  LIBBPF,
  'int bpf_program__set_log_level(void *prog, uint32_t log_level)',
)

/** BPF_LOG_STATS: the verifier's counts and nothing else */
const LOG_STATISTICS = 4
const STATISTICS_BYTES = 1 << 16

const OPEN_OPTIONS_SIZE = 80
const OPEN_OPTIONS_NAME = 8
/** From kernel 6.4 the end of a longer log is kept, which is the part that tells. */
const LOG_BYTES = 1 << 22

export interface LoadedProgram {
  readonly name: string
  /** ELF section, for instance "cgroup/connect4" */
  readonly section: string
  /** valid until the object is closed */
  readonly fd: number
}

export interface LoadedObject {
  readonly programs: readonly LoadedProgram[]
  /** Closes the programs' descriptors; what is pinned, linked or in a prog array stays. */
  close(): void
}

/** The kernel (or libbpf) refused the object. */
export class LoadError extends SystemError {
  /** the program that the verifier refused; undefined when the failure came before */
  readonly program: string | undefined
  readonly section: string | undefined
  /** what the verifier printed, '' when nothing */
  readonly log: string

  constructor(errno: number, object: string, rejected?: { readonly name: string; readonly section: string; readonly log: string }) {
    super({ call: 'bpf_object__load', errno, subject: rejected === undefined ? object : `${object}, program ${rejected.name}` })
    this.program = rejected?.name
    this.section = rejected?.section
    this.log = rejected?.log ?? ''
  }
}

/** The object declares a map that is not among the given ones. */
export class UnknownMapError extends Error {
  readonly map: string

  constructor(object: string, map: string) {
    super(`${object} declares map ${map}`)
    this.map = map
  }
}

/** Loads all programs of an object. `name` is for messages and the names of its constant data maps. */
export function loadObjectFromMemory(bytes: Uint8Array, name: string, maps: ReadonlyMap<string, number>): LoadedObject {
  const object = open(bytes, name, maps)
  const result = loadObject(object)
  if (result < 0) {
    closeObject(object)
    return loadAgainWithLog(bytes, name, maps)
  }
  return loaded(object)
}

/** The same with what the verifier says of each program that it takes: its statistics, in its words. */
export function loadObjectWithStatistics(
  bytes: Uint8Array,
  name: string,
  maps: ReadonlyMap<string, number>,
): LoadedObject & { readonly statistics: readonly string[] } {
  const object = open(bytes, name, maps)
  const logs = programs(object).map((program) => {
    const log = Buffer.alloc(STATISTICS_BYTES)
    checked(setLogLevel(program, LOG_STATISTICS), 'bpf_program__set_log_level')
    checked(setLogBuffer(program, log, log.length), 'bpf_program__set_log_buf')
    return log
  })
  if (loadObject(object) < 0) {
    closeObject(object)
    return { ...loadAgainWithLog(bytes, name, maps), statistics: [] }
  }
  return { ...loaded(object), statistics: logs.map((log) => log.toString('latin1', 0, log.indexOf(0))) }
}

function open(bytes: Uint8Array, name: string, maps: ReadonlyMap<string, number>): Pointer {
  const nameBytes = Buffer.from(`${name}\0`)
  const options = Buffer.alloc(OPEN_OPTIONS_SIZE)
  options.writeBigUInt64LE(BigInt(OPEN_OPTIONS_SIZE))
  options.writeBigUInt64LE(addressOf(nameBytes), OPEN_OPTIONS_NAME)
  const object = openMem(bytes, bytes.length, options)
  if (object === null) throw new SystemError({ call: 'bpf_object__open_mem', errno: lastErrno(), subject: name })
  try {
    for (let map = nextMap(object, null); map !== null; map = nextMap(object, map)) {
      if (mapIsInternal(map)) continue
      const own = textAt(mapName(map))
      const fd = maps.get(own)
      if (fd === undefined) throw new UnknownMapError(name, own)
      checked(mapReuseFd(map, fd), 'bpf_map__reuse_fd', own)
    }
    return object
  } catch (error) {
    closeObject(object)
    throw error
  }
}

function loaded(object: Pointer): LoadedObject {
  return {
    programs: programs(object).map((program) => ({
      name: textAt(programName(program)),
      section: textAt(programSection(program)),
      fd: programFd(program),
    })),
    close: () => closeObject(object),
  }
}

function programs(object: Pointer): Pointer[] {
  const list: Pointer[] = []
  for (let program = nextProgram(object, null); program !== null; program = nextProgram(object, program)) list.push(program)
  return list
}

/** A buffer for each program, so that the one with text in it is the one that was refused. */
function loadAgainWithLog(bytes: Uint8Array, name: string, maps: ReadonlyMap<string, number>): LoadedObject {
  const object = open(bytes, name, maps)
  const logs = programs(object).map((program) => {
    const log = Buffer.alloc(LOG_BYTES)
    checked(setLogBuffer(program, log, log.length), 'bpf_program__set_log_buf')
    return { name: textAt(programName(program)), section: textAt(programSection(program)), log }
  })
  const result = loadObject(object)
  if (result >= 0) return loaded(object)
  closeObject(object)
  const rejected = logs.find(({ log }) => log[0] !== 0)
  if (rejected === undefined) throw new LoadError(-result, name)
  const text = rejected.log.toString('latin1', 0, rejected.log.indexOf(0))
  throw new LoadError(-result, name, { name: rejected.name, section: rejected.section, log: text })
}
