/**
 * The chart as objects' text. In: values to lay over values.yaml. Out: what `helm template kmesh -n kmesh-system` prints, and the plain manifests, which are the same with the
 * defaults. Run as a program it writes deploy/kubernetes/kmesh.yaml.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Build, buildGo } from '../go-program.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const CHART = join(ROOT, 'deploy/helm/kmesh')
export const MANIFESTS = join(ROOT, 'deploy/kubernetes/kmesh.yaml')

const HEAD = `# kmesh without Helm: the chart with its default values, printed by scripts/deploy/chart.ts. Set the image and the source of artifacts, and put the public keys of those who may
# sign beside it, or nothing is applied:  kubectl -n kmesh-system create secret generic kmesh-trust --from-file=release.pem=release.pub.pem
---
apiVersion: v1
kind: Namespace
metadata:
  name: kmesh-system
  labels:
    # host network, processes and paths of the node
    pod-security.kubernetes.io/enforce: privileged
`

/** render/main.go; its output is that of Helm's own engine, byte for byte (tried with 3.14) */
export function buildRenderer(): Build {
  return buildGo('deploy/render')
}

export function renderChart(values: object): string {
  const build = buildRenderer()
  if (build.kind !== 'built') throw new Error(build.why)
  return execFileSync(build.program, [CHART, 'kmesh', 'kmesh-system', JSON.stringify(values)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export function plainManifests(): string {
  return HEAD + renderChart({})
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(MANIFESTS, plainManifests())
