/** URI templates: what they take, and which are refused; tried on Envoy 1.40. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { askPath } from '../../scripts/kit/ask-route.ts'
import { parseUriTemplate } from './uri-template-parse.ts'

const TYPE = 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig'

const taken = (template: string, paths: readonly string[]): readonly string[] =>
  paths.filter(askPath({ path_match_policy: { name: 't', typed_config: { '@type': TYPE, path_template: template } } }))

test('a glob is one segment, two are the rest', () => {
  assert.equal(taken('/a/*', ['/a/b', '/a/b?x', '/a/', '/a/b/c', '/a']), ['/a/b', '/a/b?x'])
  assert.equal(taken('/a/**', ['/a/b', '/a/', '/a/b/c', '/a']), ['/a/b', '/a/', '/a/b/c'])
})

test('variables', () => {
  assert.equal(taken('/a/{x}/b', ['/a/1/b', '/a//b', '/a/1/2/b']), ['/a/1/b'])
  assert.equal(taken('/{x=a/*}/c', ['/a/b/c', '/b/b/c']), ['/a/b/c'])
  assert.equal(taken('/a/{x}.html', ['/a/b.html', '/a/bxhtml']), ['/a/b.html'])
})

test('text around a variable; a "*" in text repeats what is before it', () => {
  assert.equal(taken('/v{x}.json/z', ['/v1.json/z', '/v.json/z', '/w1.json/z']), ['/v1.json/z'])
  assert.equal(taken('/{x=a/b}c', ['/a/bc', '/a/b']), ['/a/bc'])
  assert.equal(taken('/a*b', ['/b', '/aab', '/axb']), ['/b', '/aab'])
  assert.equal(taken('/a**', ['/a', '/aa', '/a**']), [])
})

test('what Envoy refuses', () => {
  const bad = [
    'a',
    '/a b',
    '/a/**/*',
    '/{x}/{x}',
    '/{a}/{b}/{c}/{d}/{e}/{f}',
    '/{abcdefghijklmnopq}',
    '/{1a}',
    '/{x=}',
    '/{x=a/}',
    '/{x',
    '/a//b',
    '/**.html/a',
    '/{x}-{y}',
    '/a{x=b/*}',
    '/*{x}',
    '/{x=*a}',
    '/x}y',
    '/a{x=**}/{y}',
  ]
  for (const template of bad) assert.ok('error' in parseUriTemplate(template), template)
  for (const template of ['/', '/a/', '/{abcdefghijklmnop}', '/{x=**}', '/a/*.html', '/a(b)+', '/a=b', '/{x}.json/z', '/a{x}b/c'])
    assert.not.ok('error' in parseUriTemplate(template), template)
})

test.run()
