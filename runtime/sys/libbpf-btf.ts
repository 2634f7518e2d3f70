/**
 * The smallest type information with which the kernel makes a socket-storage map: a 32-bit key and a value of n bytes.
 * In: the value's size; out: a descriptor of loaded BTF with the two type numbers. The format is include/uapi/linux/btf.h.
 */
import { bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

const btfLoad = bind<(data: Uint8Array, size: number, options: null) => number>(
  LIBBPF,
  'int bpf_btf_load(const void *btf_data, size_t btf_size, const void *opts)',
)

const BTF_MAGIC = 0xeb9f
const HEADER_SIZE = 24
const KIND_INT = 1 << 24
const KIND_ARRAY = 3 << 24
/** type numbers, in the order in which they are written below */
const U32 = 1
const U8 = 2
const BYTES = 3

/** The caller closes `fd`. */
export function loadStorageTypes(valueSize: number): { readonly fd: number; readonly key: number; readonly value: number } {
  const strings = Buffer.from('\0u32\0u8\0')
  const types = words([
    // name, kind, size, (encoding, offset, bits)
    [1, KIND_INT, 4, 32],
    [5, KIND_INT, 1, 8],
    // name, kind, 0, element type, index type, count
    [0, KIND_ARRAY, 0, U8, U32, valueSize],
  ])
  const header = Buffer.alloc(HEADER_SIZE)
  header.writeUInt16LE(BTF_MAGIC, 0)
  header.writeUInt8(1, 2)
  header.writeUInt32LE(HEADER_SIZE, 4)
  header.writeUInt32LE(0, 8)
  header.writeUInt32LE(types.length, 12)
  header.writeUInt32LE(types.length, 16)
  header.writeUInt32LE(strings.length, 20)
  const blob = Buffer.concat([header, types, strings])
  return { fd: checked(btfLoad(blob, blob.length, null), 'bpf_btf_load'), key: U32, value: BYTES }
}

function words(rows: readonly (readonly number[])[]): Buffer {
  const flat = rows.flat()
  const bytes = Buffer.alloc(flat.length * 4)
  flat.forEach((word, i) => {
    bytes.writeUInt32LE(word, i * 4)
  })
  return bytes
}
