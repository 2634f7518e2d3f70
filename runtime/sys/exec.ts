/**
 * Becomes another program (execvp(3)): this process, its id and its standard streams stay. In: argv; out: nothing, or the reason why not.
 * What Node changed is put back first: signals that it ignores stay ignored across exec, and it marks its standard streams close-on-exec.
 * Of descriptors above 2 none is kept on purpose: those that were handed to us cannot be told from our own.
 */
import { bind, LIBC, lastErrno } from './library.ts'
import { SystemError } from './system-error.ts'

const execvp = bind<(file: string, argv: unknown) => number>(LIBC, 'int execvp(const char *file, const char **argv)')
const signal = bind<(number: number, handler: bigint | null) => bigint>(LIBC, 'void *signal(int signum, void *handler)')
const fcntl = bind<(fd: number, command: number, argument: number) => number>(LIBC, 'int fcntl(int fd, int cmd, int arg)')

/** Node ignores these two. */
const SIGPIPE = 13
const SIGXFSZ = 25
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const O_NONBLOCK = 2048

export function execute(argv: readonly [string, ...string[]]): SystemError {
  for (const ignored of [SIGPIPE, SIGXFSZ]) signal(ignored, null)
  for (const stream of [0, 1, 2]) {
    fcntl(stream, F_SETFD, 0)
    const flags = fcntl(stream, F_GETFL, 0)
    if (flags >= 0 && (flags & O_NONBLOCK) !== 0) fcntl(stream, F_SETFL, flags & ~O_NONBLOCK)
  }
  execvp(argv[0], [...argv, null])
  return new SystemError({ call: 'execvp', errno: lastErrno(), subject: argv[0] })
}
