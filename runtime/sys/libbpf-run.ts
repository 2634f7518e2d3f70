/**
 * Running a SEC("syscall") program once from user space (BPF_PROG_TEST_RUN). In: its descriptor and its context. Out: what it returned; the context holds what the
 * program left there.
 */
import { addressOf, bind, LIBBPF } from './library.ts'
import { checked } from './system-error.ts'

const testRun = bind<(fd: number, options: Uint8Array) => number>(LIBBPF, 'int bpf_prog_test_run_opts(int prog_fd, void *opts)')

const OPTIONS_SIZE = 80
const CONTEXT = 32
const CONTEXT_SIZE = 48
const RESULT = 56

export function runProgram(program: number, context: Uint8Array): number {
  const options = Buffer.alloc(OPTIONS_SIZE)
  options.writeBigUInt64LE(BigInt(OPTIONS_SIZE))
  options.writeBigUInt64LE(addressOf(context), CONTEXT)
  options.writeUInt32LE(context.length, CONTEXT_SIZE)
  checked(testRun(program, options), 'bpf_prog_test_run_opts')
  return options.readUInt32LE(RESULT)
}
