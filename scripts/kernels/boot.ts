/**
 * A virtual machine from its start to its end. In: a kernel, an image. Out: everything it printed. KVM where the processor has it, else emulation, which takes some minutes.
 * Invariant: it has no network and no disk, and is gone after a time limit.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Kernel } from './kernel-packages.ts'

const MEMORY_MIB = 2048
const CPUS = 2

export type Acceleration = 'kvm' | 'emulation'

export function acceleration(): Acceleration {
  return /^flags.* (?:vmx|svm) /m.test(readFileSync('/proc/cpuinfo', 'utf8')) ? 'kvm' : 'emulation'
}

/** `seconds`: after that it is ended. */
export async function boot({ image }: Kernel, archive: string, how: Acceleration, seconds: number): Promise<string> {
  const accelerated = how === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'max']
  const machine = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...accelerated, '-smp', String(CPUS), '-m', String(MEMORY_MIB)],
      ...['-nodefaults', '-no-reboot', '-nographic', '-serial', 'stdio', '-kernel', image, '-initrd', archive],
      ...['-append', 'console=ttyS0 quiet panic=-1 loglevel=4'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  const hear = (chunk: Buffer): void => {
    said += chunk.toString()
  }
  machine.stdout.on('data', hear)
  machine.stderr.on('data', hear)
  const timer = setTimeout(() => machine.kill('SIGKILL'), seconds * 1000)
  await new Promise((resolve) => machine.once('close', resolve))
  clearTimeout(timer)
  return said.replaceAll('\r', '')
}
