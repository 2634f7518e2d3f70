/**
 * What the machine says about itself: version, settings, limits, capabilities, libbpf. In: /proc and /sys; out: checks.
 */
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { type Check, found, missing, type Subject } from './doctor-check.ts'
import { type Capability, CAPABILITY_NEEDS, holds, ownCapabilities } from './sys/capabilities.ts'
import { openFileLimit } from './sys/libc.ts'
import { libbpfVersion } from './sys/libbpf-version.ts'

/** The oldest kernel that the data plane was tried on. */
const OLDEST_KERNEL = [6, 1] as const
/** Descriptors that an apply holds at a time, and room for the rest of the process. */
const OPEN_FILES = 2048

export function kernelChecks(): readonly Check[] {
  return [
    version(release()),
    typeInformation(),
    jit(setting('net/core/bpf_jit_enable')),
    unprivileged(setting('kernel/unprivileged_bpf_disabled')),
    libbpf(),
  ]
}

export function privilegeChecks(own: ReadonlySet<Capability> = ownCapabilities()): readonly Check[] {
  return [...CAPABILITY_NEEDS.map((need) => capability(own, need)), openFiles()]
}

/** "6.18.44-generic" -> at least 6.1? */
export function version(text: string): Check {
  const subject: Subject = { group: 'kernel', name: 'version', level: 'recommended', code: 'KM9213' }
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? []
  if (major === undefined || minor === undefined) return missing(subject, `"${text}" is no version that is understood`, 'unknown')
  const [oldestMajor, oldestMinor] = OLDEST_KERNEL
  const newEnough = Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor)
  return newEnough ? found(subject, text) : missing(subject, `${text} is older than ${OLDEST_KERNEL.join('.')}`)
}

function typeInformation(): Check {
  const subject: Subject = { group: 'kernel', name: 'type information', level: 'recommended', code: 'KM9215' }
  return existsSync('/sys/kernel/btf/vmlinux') ? found(subject, '/sys/kernel/btf/vmlinux') : missing(subject, 'no /sys/kernel/btf/vmlinux')
}

/** undefined: the kernel has no such setting, because it compiles always. */
export function jit(value: string | undefined): Check {
  const subject: Subject = { group: 'kernel', name: 'just-in-time compiler', level: 'recommended', code: 'KM9208' }
  if (value === undefined) return found(subject, 'no setting: always on')
  return value === '0' ? missing(subject, 'net.core.bpf_jit_enable is 0') : found(subject, 'on')
}

export function unprivileged(value: string | undefined): Check {
  const subject: Subject = { group: 'kernel', name: 'unprivileged programs', level: 'recommended', code: 'KM9209' }
  return value === '0' ? missing(subject, 'kernel.unprivileged_bpf_disabled is 0') : found(subject, 'refused')
}

function libbpf(): Check {
  const subject: Subject = { group: 'kernel', name: 'libbpf', level: 'required', code: 'KM9119' }
  const text = libbpfVersion()
  return text === undefined ? missing(subject, 'libbpf.so.1 cannot be opened') : found(subject, text)
}

function capability(own: ReadonlySet<Capability>, need: (typeof CAPABILITY_NEEDS)[number]): Check {
  const level = need.level === 'required' ? 'required' : 'recommended'
  const subject: Subject = { group: 'privileges', name: need.capability, level, code: need.level === 'required' ? 'KM9206' : 'KM9207' }
  return holds(own, need.capability) === 'yes' ? found(subject, need.purpose) : missing(subject, `not held; needed to ${need.purpose}`)
}

function openFiles(): Check {
  const subject: Subject = { group: 'privileges', name: 'open files', level: 'recommended', code: 'KM9211' }
  const { soft, hard } = openFileLimit()
  const detail = `at most ${soft} (${hard} can be asked for)`
  return soft >= OPEN_FILES ? found(subject, detail) : missing(subject, detail)
}

function setting(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, 'latin1').trim()
  } catch {
    return undefined
  }
}
