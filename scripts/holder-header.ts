/**
 * Prints the C side of proto/http/holder-protocol.ts: `node --import tsx scripts/holder-header.ts > runtime/holder/protocol.gen.h`.
 * In: the layout of a message and its kinds. Out: struct km_holder_message, KM_HOLDER_<KIND>, and the digest that both sides say at hello.
 */
import { pathToFileURL } from 'node:url'
import {
  ANSWER_MARK,
  CONNECTION_BODILESS,
  CONNECTION_EARLY,
  CONNECTION_ENDED,
  CONNECTION_LAST,
  CONNECTION_LATE,
  CONNECTION_LOST,
  HOLDER_COUNTERS,
  HOLDER_MESSAGES,
  HOLDER_ROLES,
  holderMessage,
} from '../proto/http/holder-protocol.ts'
import { holderDigest } from '../runtime/serve/holder-digest.ts'
import { structLines } from './abi.ts'

export function holderHeader(): string {
  return [
    '/* Generated from proto/http/holder-protocol.ts by scripts/holder-header.ts. Do not edit. */',
    '#pragma once',
    '#include <linux/types.h>',
    '',
    ...Object.entries(HOLDER_MESSAGES).map(([name, kind]) => define(name, kind)),
    ...Object.entries(HOLDER_ROLES).map(([name, role]) => define(`role_${name}`, role)),
    ...HOLDER_COUNTERS.map((name, index) => define(`count_${name}`, index)),
    define('connection_early', CONNECTION_EARLY),
    define('connection_ended', CONNECTION_ENDED),
    define('connection_bodiless', CONNECTION_BODILESS),
    define('connection_last', CONNECTION_LAST),
    define('connection_lost', CONNECTION_LOST),
    define('connection_late', CONNECTION_LATE),
    define('mark', ANSWER_MARK),
    `#define KM_HOLDER_DIGEST {${[...holderDigest()].join(', ')}}`,
    '',
    ...structLines(holderMessage),
    '',
  ].join('\n')
}

function define(name: string, value: number): string {
  return `#define KM_HOLDER_${name.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()} ${value}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(holderHeader())
