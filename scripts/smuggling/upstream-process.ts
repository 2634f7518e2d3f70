/**
 * Recording upstreams as a process of their own, for a cgroup of their own. In: ports as arguments; lines {"id", "port"} on standard input. Out: "ready" as a line; then for each question a line
 * {"id", "reached"}: what came to that port since the last one.
 */
import { createInterface } from 'node:readline'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'

const upstreams = new Map<number, RecordingUpstream>()
for (const port of process.argv.slice(2).map(Number)) upstreams.set(port, await startRecordingUpstream(port))
process.stdout.write('{"id": 0}\n')
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, port } = JSON.parse(line) as { readonly id: number; readonly port: number }
  process.stdout.write(`${JSON.stringify({ id, reached: upstreams.get(port)?.take() })}\n`)
})
