import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { expositionText, negotiated } from './exposition.ts'
import { createSamples } from './samples.ts'

const samples = createSamples()
samples.add('build', ['0.1.0', '6.1'], 1)
samples.add('up', [], 1)
samples.add('memory', ['tables'], 4096)
samples.add('clusterConnections', ['a "quoted" \\ name\nof two lines'], 3)
samples.add('clusterConnections', ['a "quoted" \\ name\nof two lines'], 4)
samples.add('clusterRefused', ['half \uD800 of a pair', 'overflow'], 1)

test('OpenMetrics: type, unit, help; totals and infos by suffix; the end', () => {
  const text = expositionText(samples, 'openmetrics')
  assert.match(text, /^# TYPE kmesh_build info\n# HELP kmesh_build .*\nkmesh_build_info\{version="0\.1\.0",kernel="6\.1"\} 1\n/)
  assert.match(
    text,
    /\n# TYPE kmesh_memory_bytes gauge\n# UNIT kmesh_memory_bytes bytes\n# HELP kmesh_memory_bytes .*\nkmesh_memory_bytes\{part="tables"\} 4096\n/,
  )
  assert.match(
    text,
    /\n# TYPE kmesh_cluster_connections counter\n# HELP .*\nkmesh_cluster_connections_total\{cluster="a \\"quoted\\" \\\\ name\\nof two lines"\} 7\n/,
  )
  assert.ok(text.includes('{cluster="half \uFFFD of a pair",reason="overflow"} 1\n'))
  assert.match(text, /[^\n]\n# EOF\n$/)
  assert.is(text.split('\n').filter((line) => line === '').length, 1)
})

test('the text format before it: families are named as their samples', () => {
  const text = expositionText(samples, 'classic')
  assert.match(text, /^# HELP kmesh_build_info .*\n# TYPE kmesh_build_info gauge\nkmesh_build_info\{/)
  assert.match(text, /\n# TYPE kmesh_cluster_connections_total counter\nkmesh_cluster_connections_total\{/)
  assert.not.match(text, /# UNIT|# EOF/)
})

test('what is asked for', () => {
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  assert.is(negotiated(prometheus), 'openmetrics')
  assert.is(negotiated(undefined), 'classic')
  assert.is(negotiated('*/*'), 'classic')
  assert.is(negotiated('text/plain'), 'classic')
  assert.is(negotiated('application/openmetrics-text; version=2.0.0'), 'classic')
  assert.is(negotiated('application/openmetrics-text; version="1.0.0"'), 'openmetrics')
  assert.is(negotiated('application/openmetrics-text;q=0.2, text/plain;q=0.9'), 'classic')
  assert.is(negotiated('application/openmetrics-text;q=0'), 'classic')
  assert.is(negotiated('application/openmetrics-text;q=nonsense'), 'classic')
})

test('labels are those of the family', () => {
  assert.throws(() => createSamples().add('up', ['x'], 1), /up has the labels/)
})

test.run()
