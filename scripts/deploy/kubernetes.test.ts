/** What goes to a cluster, held against the schemas of Kubernetes and against what it has to say. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, parseAllDocuments } from 'yaml'
import { buildRenderer, CHART, MANIFESTS, plainManifests, renderChart } from './chart.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VERSIONS = ['1.30.0', '1.33.0', '1.37.0']
const SCHEMAS: Readonly<Record<string, string>> = {
  DaemonSet: 'daemonset-apps-v1',
  Namespace: 'namespace-v1',
  Secret: 'secret-v1',
  ServiceAccount: 'serviceaccount-v1',
}

interface KubernetesObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}
interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly securityContext: Readonly<Record<string, unknown>> & {
    readonly capabilities: { readonly drop: string[]; readonly add: string[] }
  }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}
interface DaemonSet extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Container[]
        readonly hostPID: boolean
        readonly volumes: readonly {
          readonly name: string
          readonly secret?: { readonly secretName: string; readonly optional: boolean }
        }[]
      }
    }
  }
}

const objectsIn = (text: string): readonly KubernetesObject[] =>
  parseAllDocuments(text)
    .map((document) => {
      assert.equal(document.errors, [])
      return document.toJS() as KubernetesObject | null
    })
    .filter((object) => object !== null)
const daemonSet = (text: string): DaemonSet['spec']['template']['spec'] =>
  (objectsIn(text).find(({ kind }) => kind === 'DaemonSet') as DaemonSet).spec.template.spec

const validators = new Map<string, ValidateFunction>()
function validator(version: string, kind: string): ValidateFunction {
  const known = validators.get(version + kind)
  if (known !== undefined) return known
  const read = (name: string): object =>
    JSON.parse(readFileSync(join(ROOT, '.cache/kubernetes', version, `${name}.json`), 'utf8')) as object
  const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false })
  ajv.addSchema(read('_definitions'), '_definitions.json')
  const validate = ajv.compile(read(SCHEMAS[kind] as string))
  validators.set(version + kind, validate)
  return validate
}

function problems(text: string): readonly string[] {
  return objectsIn(text).flatMap((object) =>
    VERSIONS.flatMap((version) => {
      const validate = validator(version, object.kind)
      const { kind } = object
      return validate(object) ? [] : [`${version} ${kind}: ${JSON.stringify(validate.errors?.[0])}`]
    }),
  )
}

const manifests = readFileSync(MANIFESTS, 'utf8')

test('they follow the schemas of three versions of Kubernetes', () => {
  assert.equal(
    objectsIn(manifests).map(({ kind }) => kind),
    ['Namespace', 'DaemonSet', 'ServiceAccount'],
  )
  assert.equal(problems(manifests), [])
})

test('metrics are a container of their own, when they are asked for', () => {
  const text = renderChart({ metrics: { enabled: true, labels: 'listener,cluster' } })
  assert.equal(problems(text), [])
  const container = daemonSet(text).containers.find(({ name }) => name === 'metrics') as Container
  assert.equal(container.args, ['--instance=default', '--listen=$(HOST_IP):9464', '--labels=listener,cluster', '--max-owners=16384'])
  assert.equal(container.securityContext.capabilities, { drop: ['ALL'], add: ['BPF', 'NET_ADMIN'] })
  assert.match(text, /prometheus\.io\/port: "9464"/)
  assert.not.match(manifests, /prometheus|name: metrics/)
})

test('the check finds what is wrong', () => {
  for (const [right, wrong] of [
    ['hostPID: true', 'hostPid: true'],
    ['hostPID: true', 'hostPID: "yes"'],
    ['  selector:', '  selectors:'],
    ['mountPath: /run/kmesh', 'mountPoint: /run/kmesh'],
    ['periodSeconds: 60', 'periodSeconds: often'],
    ['drop: [ALL]', 'drop: ALL'],
    ['- name: watch', '- title: watch'],
  ] as const) {
    const broken = manifests.replace(right, wrong)
    assert.is.not(broken, manifests)
    assert.ok(problems(broken).length >= VERSIONS.length, wrong)
  }
})

const build = buildRenderer()
if (build.kind === 'no go') {
  test(`the chart is not rendered here: ${build.why}`, () => {
    assert.match(build.why, /Go/)
  })
} else {
  test('the plain manifests are the chart with its defaults', () => {
    assert.is(plainManifests(), manifests, 'node --import tsx scripts/deploy/chart.ts writes them')
  })

  test('the chart follows them with every value', () => {
    const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
    for (const values of [
      { detach: true },
      { serve: { enabled: false } },
      { serve: { waypoint: '127.0.0.1:15090' } },
      { plainHttp: true, registrySecretName: 'pull', interval: 0.5 },
      { trust: { keys: { release: key, 'second.pem': key } } },
      { tolerations: [], nodeSelector: {}, resources: { watch: {}, serve: { limits: { memory: '1Gi' } } } },
      { instance: 'shop', cgroup: '/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice', diverted: 'pass' },
    ])
      assert.equal(problems(renderChart(values)), [], JSON.stringify(values))
    const rendered = renderChart({ trust: { keys: { release: key, 'second.pem': key } } })
    const secret = objectsIn(rendered).find(({ kind }) => kind === 'Secret') as unknown as { stringData: Record<string, string> }
    assert.equal(secret.stringData, { 'release.pem': key, 'second.pem': key })
  })
}

test('closed until somebody is trusted, no more rights than named, and nobody inside of what is governed', () => {
  const texts = build.kind === 'no go' ? [] : [renderChart({ detach: true }), renderChart({ registrySecretName: 'pull' })]
  for (const text of [manifests, ...texts]) {
    const { containers, volumes, hostPID } = daemonSet(text)
    assert.is(hostPID, true)
    assert.equal(volumes.find(({ name }) => name === 'trust')?.secret, { secretName: 'kmesh-trust', optional: false })
    for (const { command, securityContext, volumeMounts } of containers) {
      assert.is(command[0], '/usr/lib/kmesh/outside')
      assert.is(securityContext.privileged, false)
      assert.is(securityContext.readOnlyRootFilesystem, true)
      assert.equal(securityContext.capabilities, { drop: ['ALL'], add: ['BPF', 'NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'] })
      for (const { name } of volumeMounts)
        assert.ok(
          volumes.some((volume) => volume.name === name),
          name,
        )
    }
  }
  const watch = daemonSet(manifests).containers.find(({ name }) => name === 'watch')
  assert.equal(watch?.env, [{ name: 'KMESH_TRUST', value: '/etc/kmesh/trust' }])
  assert.ok(watch?.volumeMounts.some(({ mountPath }) => mountPath === '/etc/kmesh/trust'))
})

test('the defaults follow the schema of the values, mistakes do not', () => {
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as object
  const validate = new Ajv({ strict: true }).compile(schema)
  assert.ok(validate(defaults), JSON.stringify(validate.errors))
  for (const wrong of [
    { source: '' },
    { source: 'registry.example/mesh:latest' },
    { interval: 0 },
    { diverted: 'maybe' },
    { instance: '../x' },
    { trust: { keys: { release: '-----BEGIN PRIVATE KEY-----' }, secretName: 'a' } },
    { trust: { secretName: '' } },
    { sorce: 'oci:a/b:c' },
  ])
    assert.not.ok(validate({ ...defaults, ...wrong }), JSON.stringify(wrong))
  for (const key of Object.keys((schema as { properties: object }).properties))
    if (key !== 'global') assert.ok(key in defaults, `values.yaml does not have ${key}`)
})

test.run()
