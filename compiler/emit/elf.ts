/**
 * Just enough ELF to know the size of eBPF programs. In: a relocatable 64-bit little-endian object, as clang writes it. Out: its functions with
 * section, instruction count, the deepest stack slot they touch and the kernel's helpers that they call. Throws on anything else: the object is our own compiler's output.
 */

export interface ObjectFunction {
  readonly name: string
  readonly section: string
  readonly instructions: number
  /** bytes below the frame pointer */
  readonly stack: number
  /** numbers of enum bpf_func_id */
  readonly helpers: ReadonlySet<number>
}

const INSTRUCTION = 8
const STT_FUNC = 2
const FRAME_POINTER = 10
const CLASS = { ldx: 1, st: 2, stx: 3, alu64: 7 } as const
const OP_ADD_IMMEDIATE = 0x07
const OP_MOVE_REGISTER = 0xbf
/** takes the place of two */
const OP_LOAD_WIDE = 0x18
const OP_CALL = 0x85
/** source register of a call: a helper; others are functions of the object or of the kernel */
const CALL_HELPER = 0

interface Section {
  readonly name: string
  readonly type: number
  readonly offset: number
  readonly size: number
  readonly link: number
}

export function objectFunctions(object: Uint8Array): readonly ObjectFunction[] {
  const view = new DataView(object.buffer, object.byteOffset, object.byteLength)
  const sections = readSections(object, view)
  const symbols = sections.find((section) => section.type === 2)
  if (symbols === undefined) throw new Error('no symbol table')
  const names = sections[symbols.link] as Section
  const functions: ObjectFunction[] = []
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    if ((view.getUint8(at + 4) & 0xf) !== STT_FUNC) continue
    const section = sections[view.getUint16(at + 6, true)]
    const size = Number(view.getBigUint64(at + 16, true))
    if (section === undefined || size === 0) continue
    const start = section.offset + Number(view.getBigUint64(at + 8, true))
    functions.push({
      name: text(object, names.offset + view.getUint32(at, true)),
      section: section.name,
      instructions: size / INSTRUCTION,
      stack: deepestSlot(view, start, size),
      helpers: helperCalls(view, start, size),
    })
  }
  return functions
}

/** Names that an object leaves to whoever loads it: functions of the kernel (kfuncs). */
export function undefinedSymbols(object: Uint8Array): readonly string[] {
  const view = new DataView(object.buffer, object.byteOffset, object.byteLength)
  const sections = readSections(object, view)
  const symbols = sections.find((section) => section.type === 2)
  const names = symbols === undefined ? undefined : sections[symbols.link]
  if (symbols === undefined || names === undefined) throw new Error('no symbol table')
  const found: string[] = []
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    const name = text(object, names.offset + view.getUint32(at, true))
    if (view.getUint16(at + 6, true) === 0 && name !== '') found.push(name)
  }
  return found
}

function helperCalls(view: DataView, start: number, size: number): ReadonlySet<number> {
  const found = new Set<number>()
  for (let at = start; at < start + size; at += INSTRUCTION) {
    const code = view.getUint8(at)
    if (code === OP_LOAD_WIDE) at += INSTRUCTION
    else if (code === OP_CALL && view.getUint8(at + 1) >> 4 === CALL_HELPER) found.add(view.getInt32(at + 4, true))
  }
  return found
}

function readSections(object: Uint8Array, view: DataView): readonly Section[] {
  if (object.length < 64 || view.getUint32(0) !== 0x7f454c46) throw new Error('not an ELF object')
  const table = Number(view.getBigUint64(40, true))
  const entry = view.getUint16(58, true)
  const count = view.getUint16(60, true)
  const raw = Array.from({ length: count }, (_, index) => {
    const at = table + index * entry
    return {
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
      link: view.getUint32(at + 40, true),
    }
  })
  const strings = raw[view.getUint16(62, true)]
  if (strings === undefined) throw new Error('no section names')
  return raw.map((section) => ({ ...section, name: text(object, strings.offset + section.name) }))
}

/** A bound, not a proof: direct accesses to [r10 - n], and addresses made as `r = r10; r += -n`. The verifier has the last word. */
function deepestSlot(view: DataView, start: number, size: number): number {
  let deepest = 0
  const framePointers = new Set<number>()
  for (let at = start; at < start + size; at += INSTRUCTION) {
    const code = view.getUint8(at)
    const registers = view.getUint8(at + 1)
    const [target, source] = [registers & 0xf, registers >> 4]
    const offset = view.getInt16(at + 2, true)
    const immediate = view.getInt32(at + 4, true)
    const kind = code & 7
    if ((kind === CLASS.ldx && source === FRAME_POINTER) || ((kind === CLASS.st || kind === CLASS.stx) && target === FRAME_POINTER))
      deepest = Math.max(deepest, -offset)
    if (code === OP_MOVE_REGISTER && source === FRAME_POINTER) framePointers.add(target)
    else if (code === OP_ADD_IMMEDIATE && framePointers.has(target)) deepest = Math.max(deepest, -immediate)
    else if (kind === CLASS.alu64 && code === OP_MOVE_REGISTER) framePointers.delete(target)
  }
  return deepest
}

function text(object: Uint8Array, at: number): string {
  let end = at
  while (object[end] !== 0) end++
  return Buffer.from(object.buffer, object.byteOffset + at, end - at).toString('latin1')
}
