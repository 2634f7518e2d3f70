import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { governedArtifact } from '../scripts/kit/governed-artifact.ts'
import { kernelView } from '../scripts/kit/kernel-view.ts'
import { noMachine } from '../scripts/kit/no-machine.ts'
import type { Artifact } from '../proto/artifact/format.ts'
import { apply } from './apply.ts'
import { CodedError } from './coded-error.ts'
import { RejectedProgram, tailLines } from './rejection.ts'

const INSTANCE = `kmr-rejected-${process.pid}`
const { artifact } = await governedArtifact([{ name: 'shop', address: '127.96.25.40', port: 80, endpoints: ['127.0.0.1:25041'] }])
const EMPTY = { pins: {}, live: 0, records: [], entries: {}, owners: {} }

const OUT_OF_BOUNDS = `
  __u32 key = 0;
  __u64 *value = bpf_map_lookup_elem(&MAP, &key);
  return *value & 1;`

function compiled(body: string, map = 'km_generation'): Uint8Array {
  const text = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } ${map} SEC(".maps");
char LICENSE[] SEC("license") = "GPL";
SEC("cgroup/connect4") int km_fine_connect4(struct bpf_sock_addr *ctx) { return 1; }
SEC("cgroup/connect4") int km_round_robin_connect4(struct bpf_sock_addr *ctx) {${body.replaceAll('MAP', map)}
}
`
  const include = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  return execFileSync('clang-14', ['-O2', '-g', '-target', 'bpf', include, '-x', 'c', '-c', '-', '-o', '-'], { input: text })
}

const withUnit = (object: Uint8Array): Artifact => ({
  ...artifact,
  programs: new Map([...artifact.programs, ['policy_round_robin', object]]),
})

async function refusal(changed: Artifact): Promise<CodedError> {
  try {
    await apply({ artifact: changed, instance: INSTANCE, diverted: 'refuse', mode: 'apply', host: noMachine() })
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
  throw new Error('it was applied')
}

test('a program that the verifier rejects is named, with the xDS path that needs it and the end of the log', async () => {
  const error = await refusal(withUnit(compiled(OUT_OF_BOUNDS)))
  const [finding] = error.findings
  assert.is(finding?.code, 'KM9109')
  assert.match(
    finding?.message as string,
    /rejects km_round_robin_connect4 of programs\/policy_round_robin\.o \(EACCES\): R0 min value is outside of the allowed memory range/,
  )
  assert.is(finding?.path, 'cds["shop"]')
  assert.instance(error, RejectedProgram)
  assert.ok(tailLines((error as RejectedProgram).log).some((line) => line.includes('invalid access to map value')))
  assert.equal(kernelView(INSTANCE), EMPTY)
})

test('an object with an unknown map, one without its program, and one that is no object', async () => {
  const unknown = await refusal(withUnit(compiled(OUT_OF_BOUNDS, 'foreign_map')))
  assert.equal(
    unknown.findings.map(({ code }) => code),
    ['KM9110'],
  )
  assert.match(unknown.message, /declares the map "foreign_map"/)
  const missing = await refusal(withUnit(compiled(' return 1;')))
  assert.match(missing.message, /KM9110: programs\/policy_round_robin\.o has no program "km_round_robin_connect6"/)
  const noObject = await refusal(withUnit(Buffer.from('not ELF')))
  assert.equal(
    noObject.findings.map(({ code, path }) => [code, path]),
    [['KM9110', 'cds["shop"]']],
  )
  const noBase = await refusal({ ...artifact, programs: new Map([...artifact.programs].filter(([unit]) => unit !== 'base')) })
  assert.match(noBase.message, /KM9110: the artifact has no programs\/base\.o/)
  assert.equal(kernelView(INSTANCE), EMPTY)
})

test.run()
