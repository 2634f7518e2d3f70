/**
 * A snapshot in the forms that kmeshc reads. In: resources with `@type`; out: pieces of the file, so that no more than one resource is a text at a time.
 */
import { encodeJson } from '../../compiler/fetch/messages.ts'
import { type Json, type Resource, yaml } from '../generate.ts'

export const FORMS = ['resources', 'dump', 'yaml', 'binary'] as const

/** a list of resources; a config dump as a proxy prints it, indented; a YAML list; a binary DiscoveryResponse */
export type Form = (typeof FORMS)[number]

export function written(form: Form, resources: Iterable<Resource>): Iterable<string | Uint8Array> {
  switch (form) {
    case 'resources':
      return listed(resources)
    case 'dump':
      return dumped(resources)
    case 'yaml':
      return blocks(resources)
    case 'binary':
      return response(resources)
  }
}

function* listed(resources: Iterable<Resource>): Generator<string> {
  let before = '[\n'
  for (const resource of resources) {
    yield before + JSON.stringify(resource)
    before = ',\n'
  }
  yield '\n]\n'
}

function* blocks(resources: Iterable<Resource>): Generator<string> {
  for (const resource of resources) yield `-${yaml(resource, '  ')}\n`
}

/** Section of the dump, the list in it, and the field that holds the resource. */
interface Section {
  readonly type: string
  readonly list: string
  readonly entry: (resource: Resource) => Json
}

const ADMIN = 'type.googleapis.com/envoy.admin.v3'
const SECTIONS: ReadonlyMap<string, Section> = new Map([
  [
    'Listener',
    {
      type: 'ListenersConfigDump',
      list: 'dynamic_listeners',
      entry: (listener) => ({ name: listener.name ?? '', active_state: { version_info: '1', listener } }),
    },
  ],
  ['Cluster', { type: 'ClustersConfigDump', list: 'dynamic_active_clusters', entry: (cluster) => ({ version_info: '1', cluster }) }],
  [
    'ClusterLoadAssignment',
    { type: 'EndpointsConfigDump', list: 'dynamic_endpoint_configs', entry: (endpoint_config) => ({ version_info: '1', endpoint_config }) },
  ],
  [
    'RouteConfiguration',
    { type: 'RoutesConfigDump', list: 'dynamic_route_configs', entry: (route_config) => ({ version_info: '1', route_config }) },
  ],
])

function* dumped(resources: Iterable<Resource>): Generator<string> {
  yield '{\n "configs": ['
  let open: Section | undefined
  for (const resource of resources) {
    const section = SECTIONS.get(String(resource['@type']).split('.').at(-1) ?? '')
    if (section === undefined) continue
    if (section !== open)
      yield `${open === undefined ? '' : '\n   ]\n  },'}\n  {\n   "@type": "${ADMIN}.${section.type}",\n   "${section.list}": [`
    yield `${section === open ? ',' : ''}\n${JSON.stringify(section.entry(resource), null, 1).replace(/^/gm, '    ')}`
    open = section
  }
  yield `${open === undefined ? '' : '\n   ]\n  }'}\n ]\n}\n`
}

const RESOURCES_FIELD = 2

/** Elements of the response's `resources`, each an Any; of lists in a resource each element is encoded by itself, which in this form is the same message. */
function* response(resources: Iterable<Resource>): Generator<Uint8Array> {
  for (const { '@type': url, ...fields } of resources) {
    const type = String(url).slice(String(url).lastIndexOf('/') + 1)
    const value = Buffer.concat(
      Object.entries(fields).flatMap(([name, held]) =>
        Array.isArray(held)
          ? (held as readonly Json[]).map((item) => encodeJson(type, { [name]: [item] }))
          : [encodeJson(type, { [name]: held })],
      ),
    )
    yield delimited(RESOURCES_FIELD, [...delimitedList(1, Buffer.from(String(url))), ...delimitedList(2, value)])
  }
}

function delimited(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(delimitedList(field, Buffer.concat(parts)))
}

function delimitedList(field: number, held: Uint8Array): readonly Uint8Array[] {
  const head: number[] = [(field << 3) | 2]
  let rest = held.length
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) head.push((rest & 0x7f) | 0x80)
  head.push(rest)
  return [Uint8Array.from(head), held]
}
