/** Options that several commands have. In: a command of yargs; out: the same with the option. */
import type { Argv } from 'yargs'
import type { OwnerKind } from '../../proto/owner-key.ts'
import { OWNER_LABELS } from '../metrics/bound.ts'

export const json = { json: { type: 'boolean', default: false, describe: 'JSON on standard output' } } as const

export const format = (args: { readonly json: boolean }): 'json' | 'text' => (args.json ? 'json' : 'text')

export function instanceOption<T>(command: Argv<T>) {
  return command.option('instance', {
    type: 'string',
    default: 'default',
    requiresArg: true,
    describe: 'name of the instance: its pins are below BPFFS/kmesh/NAME',
  })
}

/** Of commands that take an artifact. */
export function trustOption<T>(command: Argv<T>) {
  return command.option('trust', {
    type: 'string',
    requiresArg: true,
    describe: 'file or directory of public keys: only artifacts signed with one of them are taken; default: KMESH_TRUST, /etc/kmesh/trust',
  })
}

/** Where an artifact would come into force, and how. */
export const governedOptions = {
  cgroup: {
    type: 'string',
    requiresArg: true,
    describe: 'existing cgroup v2 directory to govern; default: <cgroup2>/kmesh/<instance>, made for it',
  },
  diverted: {
    choices: ['refuse', 'pass'] as const,
    default: 'refuse' as const,
    describe: 'what happens to connections that need a slow path',
  },
  'allow-foreign': { type: 'boolean', default: false, describe: 'accept that programs of others run before ours' },
} as const

/** "30s", "2m", "500" (seconds) -> seconds; NaN: it is no time (`checkValues`). */
export function secondsOf(value: unknown): number {
  const [, digits, unit = 's'] = /^(\d{1,6})(s|m|h)?$/.exec(String(value)) ?? []
  const seconds = Number(digits) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h']
  return seconds >= 1 ? seconds : Number.NaN
}

/** Digits -> a number up to `most`; NaN: it is none (`checkValues`). */
export function countUpTo(most: number): (value: unknown) => number {
  return (value) => (/^\d+$/.test(String(value)) && Number(value) <= most ? Number(value) : Number.NaN)
}

/** "listener,cluster" -> kinds of owners; "none": none of them; undefined: something else. */
export function labelsOf(value: unknown): readonly OwnerKind[] | undefined {
  const words = String(value) === 'none' ? [] : String(value).split(',')
  const known = OWNER_LABELS.filter((label) => words.includes(label))
  return known.length === new Set(words).size ? known : undefined
}

/** For `.check`: what was given and could not be read. */
export function checkValues(args: Readonly<Record<string, unknown>>): true | string {
  const wrong = Object.entries(VALUES).find(([name]) => Number.isNaN(args[name]))
  return wrong === undefined || `--${wrong[0]} takes ${wrong[1]}`
}

const VALUES: Readonly<Record<string, string>> = {
  keep: 'a number from 0 to 12',
  to: 'the number of a generation',
  'confirm-within': 'a time as 30s or 5m',
}
