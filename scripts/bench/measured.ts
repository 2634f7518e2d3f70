/**
 * Runs a command to its end and says what it took. In: argv, where; out: its output, wall clock and CPU seconds, peak memory of it and its children.
 * Python's wait4 is asked, because Node has no resource usage of a child.
 */
import { type Place, run } from '../kit/process.ts'
import { python } from '../kit/python.ts'

export interface Measured {
  readonly seconds: number
  /** of all threads, user and system */
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly stdout: string
}

const PROGRAM = `import json, resource, subprocess, sys, time
begin = time.monotonic()
ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
seconds = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": ended.returncode, "seconds": seconds, "stdout": ended.stdout, "stderr": ended.stderr,
                  "cpu": used.ru_utime + used.ru_stime, "kib": used.ru_maxrss}))`

/** Throws with what the command said when its exit code is not 0. */
export function runMeasured(argv: readonly string[], place: Place = {}): Measured {
  const said = JSON.parse(run([python(), '-c', PROGRAM, ...argv], place)) as Record<'code' | 'seconds' | 'cpu' | 'kib', number> &
    Record<'stdout' | 'stderr', string>
  if (said.code !== 0)
    throw new Error(`${argv.slice(0, 6).join(' ')}: exit ${said.code}: ${said.stderr.slice(0, 2000)}${said.stdout.slice(0, 500)}`)
  return { seconds: said.seconds, cpuSeconds: said.cpu, peakMiB: said.kib / 1024, stdout: said.stdout }
}
