/**
 * Questions as rows of km_condition. In: a question. Out: where its graph begins, or its answer. Each row leads to the next question or to an answer, so that and, or
 * and not cost no row of their own; equal rows are one.
 */
import {
  CONDITION_CONTAINS,
  CONDITION_EXACT,
  CONDITION_FOLD,
  CONDITION_FRACTION,
  CONDITION_NO,
  CONDITION_PREFIX,
  CONDITION_PRESENT,
  CONDITION_RANGE,
  CONDITION_REGEX,
  CONDITION_SLOW,
  CONDITION_SOURCE,
  CONDITION_SUFFIX,
  CONDITION_YES,
  condition,
  SUBJECT_AUTHORITY,
  SUBJECT_METHOD,
  SUBJECT_PATH,
  SUBJECT_QUERY,
  SUBJECT_TARGET,
} from '../../../proto/http/matching.ts'
import { HTTP_ROW_SIZE } from '../../../proto/http/tables.ts'
import type { HttpBuilder } from './builder.ts'
import type { Comparison, Question, Subject } from './question.ts'
import { simplified } from './question.ts'
import type { ServiceScope } from './scope.ts'

/** Longer texts fill more than one row, which these comparisons do not follow. */
const ONE_ROW = HTTP_ROW_SIZE

/** The row where a graph begins, or CONDITION_YES, CONDITION_NO, CONDITION_SLOW. */
export function lowerQuestion(question: Question, scope: ServiceScope): number {
  return place(simplified(question), CONDITION_YES, CONDITION_NO, scope)
}

/** Why some requests end in user space, '' when none do: what is unknown, and what the rows cannot say. */
export function unsaidIn(question: Question, scope: ServiceScope): string {
  switch (question.kind) {
    case 'unknown':
      return question.why
    case 'all':
    case 'any':
      return question.of.map((part) => unsaidIn(part, scope)).find((why) => why !== '') ?? ''
    case 'not':
      return unsaidIn(question.of, scope)
    case 'ask': {
      const { subject, comparison } = question
      if (subjectOf(subject, scope) === undefined)
        return subject.kind === 'query' ? `the query parameter ${subject.name}, whose name is long` : 'more headers than one service may'
      if (compare(comparison, scope) !== undefined) return ''
      return comparison.kind === 'regex' ? `the regex ${comparison.source}, which is too large` : 'a long text within a value'
    }
    default:
      return ''
  }
}

function place(question: Question, yes: number, no: number, scope: ServiceScope): number {
  switch (question.kind) {
    case 'constant':
      return question.holds ? yes : no
    case 'unknown':
      return CONDITION_SLOW
    case 'not':
      return place(question.of, no, yes, scope)
    case 'all':
      return question.of.reduceRight((next, part) => place(part, next, no, scope), yes)
    case 'any':
      return question.of.reduceRight((next, part) => place(part, yes, next, scope), no)
    case 'fraction': {
      if (yes === no) return yes
      const { numerator, denominator } = question
      return scope.builder.share(condition, { kind: CONDITION_FRACTION, yes, no, a: numerator, b: denominator })
    }
    case 'source': {
      if (yes === no) return yes
      const { row } = scope.builder.text(Buffer.from(question.address).toString('latin1'))
      return scope.builder.share(condition, { kind: CONDITION_SOURCE, yes, no, a: row, b: question.bits })
    }
    case 'ask':
      return placeAsk(question, yes, no, scope)
  }
}

function placeAsk(question: Extract<Question, { kind: 'ask' }>, yes: number, no: number, scope: ServiceScope): number {
  if (yes === no) return yes
  const { subject, comparison, invert, missing } = question
  const asked = subjectOf(subject, scope)
  const compared = compare(comparison, scope)
  if (asked === undefined || compared === undefined) return CONDITION_SLOW
  return scope.builder.share(condition, {
    ...compared,
    ...asked,
    yes: invert ? no : yes,
    no: invert ? yes : no,
    missing: missing ? yes : no,
  })
}

function subjectOf(subject: Subject, scope: ServiceScope): { readonly subject: number; readonly b?: bigint } | undefined {
  switch (subject.kind) {
    case 'method':
      return { subject: SUBJECT_METHOD }
    case 'path':
      return { subject: SUBJECT_PATH }
    case 'target':
      return { subject: SUBJECT_TARGET }
    case 'authority':
      return { subject: SUBJECT_AUTHORITY }
    case 'query':
      scope.builder.uses('query')
      return subject.name.length > ONE_ROW ? undefined : { subject: SUBJECT_QUERY, b: textOf(subject.name, scope.builder) }
    case 'header': {
      const slot = subject.joined ? scope.interest(subject.name) : scope.asked(subject.name)
      return slot === undefined ? undefined : { subject: slot }
    }
  }
}

type Compared = { readonly kind: number; readonly flags?: number; readonly a?: bigint; readonly b?: bigint }

function compare(comparison: Comparison, scope: ServiceScope): Compared | undefined {
  switch (comparison.kind) {
    case 'present':
      return { kind: CONDITION_PRESENT }
    case 'range':
      scope.builder.uses('values')
      return { kind: CONDITION_RANGE, a: BigInt.asUintN(64, comparison.start), b: BigInt.asUintN(64, comparison.end) }
    case 'regex': {
      const row = scope.builder.automaton(comparison.source)
      return row === undefined ? undefined : { kind: CONDITION_REGEX, a: BigInt(row) }
    }
    default: {
      const { kind, text, fold } = comparison
      if (kind === 'contains') scope.builder.uses('values')
      if (kind === 'contains' && text.length > ONE_ROW) return undefined
      return { kind: KINDS[kind], flags: fold ? CONDITION_FOLD : 0, a: textOf(text, scope.builder) }
    }
  }
}

const KINDS = {
  exact: CONDITION_EXACT,
  prefix: CONDITION_PREFIX,
  suffix: CONDITION_SUFFIX,
  contains: CONDITION_CONTAINS,
} as const

/** row | length << 32 */
function textOf(text: string, builder: HttpBuilder): bigint {
  const { row, length } = builder.text(text)
  return BigInt(row) | (BigInt(length) << 32n)
}
