/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conditions. In: a row of km_condition, where a decision graph begins. Out: KM_CONDITION_YES, KM_CONDITION_NO, or KM_CONDITION_SLOW where it cannot be said here.
 * Each question leads to the next one or to an answer, so that and, or and not are one form. Invariant: what cannot be asked is never taken for yes or no.
 * The unit says which questions there are (all-features.h).
 */
#pragma once
#include <bpf/bpf_endian.h>
#include "automaton.h"
#include "query.h"
#include "repeated.h"

/* Questions of one graph. */
#define KM_JUDGE_STEPS 256
#define KM_DECIMAL_BASE 10
/* Longer numbers are not worth the time: user space reads them. */
#define KM_DECIMAL_MAX 64
#define KM_SIGN_BIT (1ULL << 63)
#define KM_SPACE 0x20
#define KM_ADDRESS_BITS 64

/* Row and length of a text, as `a` and `b` hold them. */
#define KM_TEXT_ROW(text) ((__u32)(text))
#define KM_TEXT_LENGTH(text) ((__u32)((text) >> 32))

static long km_contains_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 at = work->scan + step;
  __u64 word = km_keep(km_folded(km_word(request, at), work->scan_fold), work->scan_state);
  if (word != work->scan_word)
    return KM_NEXT;
  work->text_at = at;
  work->text_left = work->scan_state;
  work->text_fold = work->scan_fold;
  const __u64 *row = km_http_row(request, work->scan_text);
  if (!row || !km_same_row(request, row))
    return KM_NEXT;
  work->scan_end = 1;
  return KM_STOP;
}

/* Whether a text of one row, not longer than the span, is somewhere in it. */
static __always_inline int km_contains(struct km_request *request, __u32 at, __u32 length, __u64 text, __u32 fold)
{
  __u32 wanted = KM_TEXT_LENGTH(text);
  const __u64 *row = km_http_row(request, KM_TEXT_ROW(text));
  if (!row)
    return KM_ANSWER_SLOW;
  if (!wanted)
    return KM_ANSWER_YES;
  struct km_work *work = &request->work;
  work->scan_word = row[0];
  work->scan = at;
  work->scan_state = wanted;
  work->scan_fold = fold;
  work->scan_end = 0;
  work->scan_text = KM_TEXT_ROW(text);
  __u32 slot = request->slot;
  bpf_loop((length - wanted + 1) & (2 * KM_HEAD_MAX - 1), km_contains_step, &slot, 0);
  return work->scan_end;
}

static long km_decimal_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  struct km_work *work = &request->work;
  __u32 byte = km_byte(request, work->scan + step);
  __u32 digit = byte - '0';
  if (digit >= KM_DECIMAL_BASE) {
    /* Controls around a number are blanks to Envoy. */
    work->scan_state = byte < KM_SPACE ? KM_ANSWER_SLOW : KM_ANSWER_NO;
    return KM_STOP;
  }
  if (work->scan_word > (~0ULL - digit) / KM_DECIMAL_BASE) {
    work->scan_state = KM_ANSWER_NO;
    return KM_STOP;
  }
  work->scan_word = work->scan_word * KM_DECIMAL_BASE + digit;
  return KM_NEXT;
}

/* A whole decimal number from a to below b (compiler/match/decimal.ts). */
static __always_inline int km_in_range(struct km_request *request, __u32 at, __u32 length, __s64 a, __s64 b)
{
  struct km_work *work = &request->work;
  if (!length)
    return KM_ANSWER_NO;
  if (length > KM_DECIMAL_MAX)
    return KM_ANSWER_SLOW;
  __u32 sign = km_byte(request, at);
  __u32 skip = sign == '-' || sign == '+';
  if (length == skip)
    return KM_ANSWER_NO;
  work->scan = at + skip;
  work->scan_word = 0;
  work->scan_state = KM_ANSWER_YES;
  __u32 slot = request->slot;
  bpf_loop(length - skip, km_decimal_step, &slot, 0);
  if (work->scan_state != KM_ANSWER_YES)
    return work->scan_state;
  __u64 magnitude = work->scan_word;
  if (magnitude > KM_SIGN_BIT || (magnitude == KM_SIGN_BIT && sign != '-'))
    return KM_ANSWER_NO;
  __s64 value = sign == '-' ? -magnitude : magnitude;
  return value >= a && value < b;
}

/* The first `bits` of two halves of an address, in network order. */
static __always_inline int km_half_in_range(__u64 differ, __u64 bits)
{
  if (!bits)
    return 1;
  __u64 mask = bits >= KM_ADDRESS_BITS ? ~0ULL : ~(~0ULL >> bits);
  return !(bpf_be64_to_cpu(differ) & mask);
}

static __always_inline int km_source_in(struct km_request *request, __u32 row, __u64 bits)
{
  const __u64 *range = km_http_row(request, row);
  const __u64 *source = (const __u64 *)request->source;
  if (!range || (!source[0] && !source[1]))
    return KM_ANSWER_SLOW;
  return km_half_in_range(source[0] ^ range[0], bits) &&
         km_half_in_range(source[1] ^ range[1], bits > KM_ADDRESS_BITS ? bits - KM_ADDRESS_BITS : 0);
}

/* Where the subject of a question is: work.at and work.length. KM_ANSWER_YES: it is there. */
static __noinline int km_find_subject(struct km_request *request, __u32 subject, __u64 name)
{
  struct km_work *work = &request->work;
  switch (subject) {
  case KM_SUBJECT_METHOD:
    work->at = 0;
    work->length = request->method_length;
    return KM_ANSWER_YES;
  case KM_SUBJECT_PATH:
    work->at = request->path;
    work->length = request->path_length;
    return KM_ANSWER_YES;
  case KM_SUBJECT_TARGET:
    work->at = request->path;
    work->length = request->path_length + (request->query == KM_NOWHERE ? 0 : request->query_length + 1);
    return KM_ANSWER_YES;
  case KM_SUBJECT_AUTHORITY:
    work->at = request->host;
    work->length = request->host_length;
    return request->host == KM_NOWHERE ? KM_ANSWER_SLOW : KM_ANSWER_YES;
  case KM_SUBJECT_QUERY:
    if (!KM_WITH_QUERY)
      return KM_ANSWER_SLOW;
    return km_find_query(request, KM_TEXT_ROW(name), KM_TEXT_LENGTH(name)) ? KM_ANSWER_YES : KM_ANSWER_MISSING;
  }
  if (subject >= KM_INTEREST_MAX)
    return KM_ANSWER_SLOW;
  if (!(request->seen >> subject & 1))
    return KM_ANSWER_MISSING;
  subject &= KM_INTEREST_MAX - 1;
  barrier_var(subject);
  const struct km_found *found = &request->found[subject];
  if (work->next_line) {
    if (km_find_next_line(request, found->name))
      return KM_ANSWER_YES;
    work->next_line = 0;
    return KM_ANSWER_NO;
  }
  if (request->again >> subject & 1)
    work->next_line = found->line;
  work->at = found->value;
  work->length = found->length;
  return KM_ANSWER_YES;
}

static __always_inline int km_compare(struct km_request *request, __u32 kind, __u32 fold, __u64 a, __u64 b)
{
  /* Read back, so that the place of a method is a number like any other to the verifier: it lets one addition have one form of operand only. */
  __u32 at = *(volatile __u32 *)&request->work.at;
  __u32 length = *(volatile __u32 *)&request->work.length;
  __u32 wanted = KM_TEXT_LENGTH(a);
  switch (kind) {
  case KM_CONDITION_PRESENT:
    return KM_ANSWER_YES;
  case KM_CONDITION_RANGE:
    return !KM_WITH_VALUES ? KM_ANSWER_SLOW : km_in_range(request, at, length, a, b);
  case KM_CONDITION_REGEX:
    return km_automaton_takes(request, at, length, a);
  case KM_CONDITION_EXACT:
    if (length != wanted)
      return KM_ANSWER_NO;
    break;
  case KM_CONDITION_SUFFIX:
    at += length - wanted;
    break;
  case KM_CONDITION_PREFIX:
  case KM_CONDITION_CONTAINS:
    break;
  default:
    return KM_ANSWER_SLOW;
  }
  if (length < wanted)
    return KM_ANSWER_NO;
  if (kind == KM_CONDITION_CONTAINS)
    return !KM_WITH_VALUES ? KM_ANSWER_SLOW : km_contains(request, at, length, a, fold);
  return km_same_text(request, at, wanted, KM_TEXT_ROW(a), fold);
}

static __always_inline int km_ask(struct km_request *request, const struct km_condition *question)
{
  if (question->kind == KM_CONDITION_FRACTION)
    return question->b && request->random % question->b < question->a;
  if (question->kind == KM_CONDITION_SOURCE)
    return km_source_in(request, question->a, question->b);
  int there = km_find_subject(request, question->subject, question->b);
  if (there != KM_ANSWER_YES)
    return there;
  return km_compare(request, question->kind, question->flags & KM_CONDITION_FOLD, question->a, question->b);
}

/* One question. KM_STOP: work.condition is the answer. */
static __always_inline long km_judge_one(struct km_request *request)
{
  struct km_work *work = &request->work;
  const struct km_condition *question = km_http_row(request, work->condition);
  if (!question || !work->left) {
    work->condition = KM_CONDITION_SLOW;
    return KM_STOP;
  }
  work->left--;
  int answer = km_ask(request, question);
  if (answer == KM_ANSWER_NO && work->next_line)
    return KM_NEXT;
  work->next_line = 0;
  /* All are read before one is chosen: else clang reads from a place that depends on the way here, which the verifier does not follow. */
  __u32 yes = question->yes;
  __u32 no = question->no;
  __u32 missing = question->missing;
  barrier_var(yes);
  barrier_var(no);
  barrier_var(missing);
  __u32 next = answer == KM_ANSWER_YES ? yes : answer == KM_ANSWER_NO ? no : answer == KM_ANSWER_MISSING ? missing : KM_CONDITION_SLOW;
  work->condition = next;
  return next == KM_CONDITION_NO || next >= KM_CONDITION_SLOW ? KM_STOP : KM_NEXT;
}

static long km_judge_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_judge_one(request) : KM_STOP;
}

/* Answers a graph; work.left bounds what one request may ask. `first`: 1 where one question is asked before there is a loop. */
static __always_inline __u32 km_judge_graph(struct km_request *request, __u32 row, int first)
{
  if (row == KM_CONDITION_NO || row >= KM_CONDITION_SLOW)
    return row;
  struct km_work *work = &request->work;
  work->condition = row;
  work->next_line = 0;
  if (!first || km_judge_one(request) == KM_NEXT) {
    __u32 slot = request->slot;
    bpf_loop(KM_JUDGE_STEPS, km_judge_step, &slot, 0);
  }
  __u32 answer = work->condition;
  return answer == KM_CONDITION_NO || answer == KM_CONDITION_YES ? answer : KM_CONDITION_SLOW;
}

/* The same as a function that is verified once. */
__noinline __u32 km_judge(struct km_request *given, __u32 row)
{
  struct km_request *request = km_scratch_of(given);
  return request ? km_judge_graph(request, row, 0) : KM_CONDITION_SLOW;
}
