/**
 * Starts commands inside a closed network namespace and a cgroup. In: argv, where; out: a ChildProcess or its collected output.
 * Invariant: what is started dies with this process (parent-death signal), also after SIGKILL; a signal goes to the command itself, because
 * every step (setpriv, nsenter, sh) is an exec without a fork.
 */
import { type ChildProcess, spawn, spawnSync, type StdioOptions } from 'node:child_process'
import { join } from 'node:path'

export interface Place {
  /** path of a network namespace (`Namespace.path`); this process's own when left out */
  readonly namespace?: string
  /** absolute path of a cgroup v2 directory (`TestCgroup.path`); this process's own when left out */
  readonly cgroup?: string
  /** group id to run as, by which a packet filter can tell it apart; this process's own when left out */
  readonly group?: number
}

const JOIN_CGROUP = 'echo 0 > "$1" || exit 125; shift; exec "$@"'

/** argv that runs `argv` at `place`. The namespace is entered without a mount namespace, so cgroup and bpffs paths stay valid. */
export function placed(argv: readonly string[], place: Place): readonly string[] {
  let inner = argv
  // a change of credentials clears the parent-death signal
  if (place.group !== undefined)
    inner = ['setpriv', '--regid', String(place.group), '--clear-groups', '--pdeathsig', 'KILL', '--', ...inner]
  if (place.cgroup !== undefined) inner = ['sh', '-c', JOIN_CGROUP, 'sh', join(place.cgroup, 'cgroup.procs'), ...inner]
  if (place.namespace !== undefined) inner = ['nsenter', `--net=${place.namespace}`, '--', ...inner]
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...inner]
}

export function start(argv: readonly string[], place: Place, stdio: StdioOptions): ChildProcess {
  const [file, ...args] = placed(argv, place) as [string, ...string[]]
  return spawn(file, args, { stdio })
}

/** Runs to the end and returns standard output; throws with standard error when the exit code is not 0. */
export function run(argv: readonly string[], place: Place = {}, input = ''): string {
  const [file, ...args] = placed(argv, place) as [string, ...string[]]
  const result = spawnSync(file, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.error) throw result.error
  if (result.status !== 0)
    throw new Error(`${argv.slice(0, 6).join(' ')}: exit ${result.status ?? result.signal}: ${result.stderr.trim().slice(0, 2000)}`)
  return result.stdout
}
