import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDiagnostics } from '../diag/sink.ts'
import { readInput } from './read.ts'

const locate = (text: string, path: string) => {
  const input = readInput([{ name: 'f', bytes: Buffer.from(text) }], createDiagnostics())
  const place = input.locate(path)
  return place && `${place.line}:${place.column}`
}

const JSON_TEXT = `{
  "clusters": [
    {"name": "x", "note": "}]{[\\"", "loadAssignment": {"clusterName": "x"}},
    {
      "name": "a",
      "loadAssignment": {
        "clusterName": "a",
        "endpoints": [
          {"priority": 1},
          {"lb_endpoints": [{"endpoint": {"address": {"socketAddress": {"address": "é", "portValue": 80}}}}]}
        ]
      },
      "metadata": {"filter_metadata": {"a.b": {}, "c\\u0064": {"x": 1}}}
    }
  ]
}
`

const YAML_TEXT = `x: &shared
  portValue: 80
  address: é
clusters:
- name: a
  loadAssignment:
    clusterName: a
    endpoints:
    - priority: 1
    - lb_endpoints:
      - endpoint: {address: {socketAddress: *shared}}
`

test('JSON: keys of members, elements of lists, either naming', () => {
  const at = (path: string) => locate(JSON_TEXT, `cds["a"]${path}`)
  assert.is(at(''), '4:5')
  assert.is(at('.name'), '5:7')
  assert.is(at('.load_assignment'), '6:7')
  assert.is(at('.load_assignment.endpoints[0]'), '9:11')
  assert.is(at('.load_assignment.endpoints[1].lb_endpoints[0].endpoint.address.socket_address.port_value'), '10:89')
  assert.is(at('.metadata.filter_metadata["a.b"]'), '13:40')
  assert.is(at('.metadata.filter_metadata["cd"].x'), '13:63')
})

test('what is not in the text is at its deepest parent that is', () => {
  const at = (path: string) => locate(JSON_TEXT, `cds["a"]${path}`)
  assert.is(at('.connect_timeout'), '4:5')
  assert.is(at('.load_assignment.endpoints[7]'), '8:9')
  assert.is(at('.load_assignment.endpoints[0].locality.zone'), '9:11')
  assert.is(locate(JSON_TEXT, 'cds["nobody"].name'), undefined)
  assert.is(locate(JSON_TEXT, ''), undefined)
})

test('YAML, through aliases', () => {
  const at = (path: string) => locate(YAML_TEXT, `cds["a"]${path}`)
  assert.is(at(''), '5:3')
  assert.is(at('.load_assignment.endpoints[0].priority'), '9:7')
  assert.is(at('.load_assignment.endpoints[1].lb_endpoints[0].endpoint.address.socket_address'), '11:30')
  assert.is(at('.load_assignment.endpoints[1].lb_endpoints[0].endpoint.address.socket_address.port_value'), '2:3')
})

test('several documents in one text', () => {
  const type = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
  const json = `{"@type": "${type}", "name": "a"}\n{"@type": "${type}",\n "name": "b"}`
  assert.is(locate(json, 'cds["b"].name'), '3:2')
  const yaml = `"@type": ${type}\nname: a\n---\n"@type": ${type}\nname: b\n`
  assert.is(locate(yaml, 'cds["b"].name'), '5:1')
})

test('many places in a large text cost one scan', () => {
  const clusters = Array.from({ length: 10_000 }, (_, index) => ({
    name: `c${index}`,
    connect_timeout: '1s',
    metadata: { filter_metadata: { a: { text: 'x'.repeat(100) } } },
  }))
  const input = readInput([{ name: 'f', bytes: Buffer.from(JSON.stringify({ clusters }, null, 1)) }], createDiagnostics())
  const begin = process.cpuUsage()
  for (let index = 0; index < 10_000; index++) {
    const place = input.locate(`cds["c${index}"].connect_timeout`)
    if (index % 999 === 0) assert.is(place?.line, 5 + index * 11)
  }
  const used = process.cpuUsage(begin)
  assert.ok(used.user + used.system < 4_000_000, 'a scan for each would take minutes')
})

test.run()
