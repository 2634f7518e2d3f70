/**
 * Kernels of Debian. In: "6.1" or "6.12". Out: the newest cloud kernel of that line, unpacked below .cache/kernels. Nothing is installed.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../commands.ts'
import { run } from '../kit/process.ts'

export interface Kernel {
  /** uname -r */
  readonly release: string
  readonly image: string
  /** directory of its modules */
  readonly modules: string
}

/** Meta-packages that name the newest one. */
const META: Readonly<Record<string, string>> = { '6.1': 'linux-image-cloud-amd64', '6.12': 'linux-image-6.12-cloud-amd64' }

export const LINES: readonly string[] = Object.keys(META)

export function fetchKernel(line: string): Kernel {
  const meta = META[line]
  if (meta === undefined) throw new Error(`no package is known for kernel ${line}`)
  const dependencies = run(['apt-cache', 'depends', meta])
  const name = /Depends: (linux-image-\S+)/.exec(dependencies)?.[1]
  if (name === undefined) throw new Error(`${meta} names no kernel: is the list of packages up to date?`)
  const place = join(ROOT, '.cache/kernels', name)
  if (!existsSync(place)) unpack(name, place)
  const release = name.slice('linux-image-'.length)
  return { release, image: join(place, 'boot', `vmlinuz-${release}`), modules: join(place, 'lib/modules', release) }
}

function unpack(name: string, place: string): void {
  const folder = `${place}.partial`
  mkdirSync(folder, { recursive: true })
  run(['sh', '-c', 'cd "$1" && apt-get -qq download "$2" 2>&1', 'sh', folder, name])
  const file = readdirSync(folder).find((one) => one.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get downloaded nothing for ${name}`)
  run(['dpkg-deb', '-x', join(folder, file), join(folder, 'root')])
  renameSync(join(folder, 'root'), place)
  rmSync(folder, { recursive: true })
}
