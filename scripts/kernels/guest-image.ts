/**
 * The file system of a virtual machine: Node, libbpf, the built runtime and a job. In: a kernel, a directory with the job. Out: a cpio archive in memory's stead of a disk.
 * Invariant: nothing of this machine is in it but what the runtime needs.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../commands.ts'
import { run } from '../kit/process.ts'
import type { Kernel } from './kernel-packages.ts'

const APPLETS = ['sh', 'mount', 'ip', 'insmod', 'poweroff', 'echo', 'cat', 'mkdir']
const MODULES = ['inet_diag', 'tcp_diag', 'udp_diag']
const GUEST = fileURLToPath(new URL('guest', import.meta.url))

/** `job`: its files are put into /job. */
export function writeGuestImage(kernel: Kernel, job: string, root: string, image: string): void {
  rmSync(root, { recursive: true, force: true })
  for (const folder of ['bin', 'usr/bin', 'proc', 'sys', 'dev', 'tmp', 'run', 'lib/modules', 'job', 'kmesh/node_modules'])
    mkdirSync(join(root, folder), { recursive: true })
  cpSync('/usr/bin/busybox', join(root, 'bin/busybox'))
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
  const libbpf = '/usr/lib/x86_64-linux-gnu/libbpf.so.1'
  withLibraries(realpathSync(process.execPath), join(root, 'usr/bin/node'), root)
  withLibraries(libbpf, join(root, libbpf), root)
  withLibraries(join(ROOT, 'runtime/holder/kmesh-holder.gen.bin'), undefined, root)
  cpSync(join(ROOT, 'dist'), join(root, 'kmesh/dist'), { recursive: true, dereference: true })
  cpSync(join(ROOT, 'package.json'), join(root, 'kmesh/package.json'))
  for (const module of productionModules())
    cpSync(join(ROOT, 'node_modules', module), join(root, 'kmesh/node_modules', module), { recursive: true })
  for (const name of MODULES) {
    const file = findFile(kernel.modules, name)
    if (file !== undefined) cpSync(file, join(root, 'lib/modules', file.slice(file.lastIndexOf('/') + 1)))
  }
  cpSync(job, join(root, 'job'), { recursive: true })
  cpSync(join(GUEST, 'init'), join(root, 'init'))
  chmodSync(join(root, 'init'), 0o755)
  run(['sh', '-c', 'cd "$1" && find . | cpio -o -H newc --quiet > "$2"', 'sh', root, image])
  rmSync(root, { recursive: true, force: true })
}

/** Copies a program or library, and what it is linked with. */
function withLibraries(file: string, to: string | undefined, root: string): void {
  if (to !== undefined) {
    mkdirSync(dirname(to), { recursive: true })
    cpSync(file, to, { dereference: true })
  }
  for (const [library] of run(['ldd', file]).matchAll(/\/\S+/g)) {
    const place = join(root, library)
    if (existsSync(place)) continue
    mkdirSync(dirname(place), { recursive: true })
    cpSync(library, place, { dereference: true })
  }
}

/** Names below node_modules of what the runtime may load. */
function productionModules(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
  }
  return Object.entries(lock.packages).flatMap(([path, { dev }]) => {
    const name = path.slice('node_modules/'.length)
    return path.startsWith('node_modules/') && dev !== true && existsSync(join(ROOT, path)) && !name.includes('/node_modules/')
      ? [name]
      : []
  })
}

function findFile(folder: string, module: string): string | undefined {
  const name = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) =>
    new RegExp(`/${module}\\.ko(?:\\.xz)?$`).test(path),
  )
  return name === undefined ? undefined : join(folder, name)
}
