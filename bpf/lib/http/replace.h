/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A regex replaced in the path (proto/http/replacing.ts). In: the rows of its automaton and of the substitution. Out: the path without query in `out`, each match replaced, as RE2's
 * GlobalReplace does it: the leftmost one first, none of them empty right behind another.
 *
 * A step is a byte, or a part of a substitution. A search may look at what is behind its match again and again: it has a number of steps, and what takes more is for user space.
 */
#pragma once
#include "output.h"

#define KM_REPLACE_STEPS (2 * KM_HEAD_MAX)
#define KM_REPLACE_REGISTER_BITS 4
#define KM_REPLACE_REGISTER_MASK 15
#define KM_REPLACE_ROW_BYTES 32
#define KM_NO_PLACE 0xffff
/* km_replacing.stage. From step to step: the kernel allows no more frames below this than one */
#define KM_REPLACE_BEGINS 0
#define KM_REPLACE_READS 1
#define KM_REPLACE_ENDS 2
#define KM_REPLACE_WRITES 3

/* Volatile: clang would make one store of these and of others, to an address that is chosen, which the verifier refuses. */
static __always_inline int km_fail_replacing(struct km_request *request)
{
  *(volatile __u32 *)&request->acting.replacing.done = 1;
  *(volatile __u32 *)&request->acting.failed = KM_SLOW_COMPOSE + 1;
  return KM_STOP;
}

static __always_inline const void *km_replace_row(struct km_request *request, __u32 row)
{
  request->acting.replacing.row = row;
  void *table = bpf_map_lookup_elem(&km_http, &request->epoch);
  return table ? bpf_map_lookup_elem(table, &request->acting.replacing.row) : NULL;
}

/* Of the byte at a place, KM_REPLACE_UNSURE where it cannot be told. */
static __always_inline __u32 km_replace_class(struct km_request *request, __u32 place)
{
  __u32 byte = km_byte(request, place);
  const __u8 *row = km_replace_row(request, request->acting.replacing.replacer + 1 + byte / KM_REPLACE_ROW_BYTES);
  byte &= KM_REPLACE_ROW_BYTES - 1;
  barrier_var(byte);
  return row ? row[byte] : KM_REPLACE_UNSURE;
}

/* A search begins at replacing.from. Global: verified once. */
__noinline int km_begin_search(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  __u32 from = replacing->from;
  __u32 class = from == replacing->begin ? KM_REPLACE_EDGE : km_replace_class(request, from - 1);
  const struct km_replacer *head = km_replace_row(request, replacing->replacer);
  if (!head || class == KM_REPLACE_UNSURE)
    return km_fail_replacing(request);
  /* Through memory: on one way here it is a number that the verifier knows, and the addition would be another one (header.h). */
  replacing->state = class;
  class = *(volatile __u32 *)&replacing->state & (KM_REPLACE_CLASSES - 1);
  barrier_var(class);
  replacing->state = head->starts[class];
  replacing->at = from;
  replacing->matched = 0;
  replacing->stage = KM_REPLACE_READS;
  return KM_NEXT;
}

/* One register, or one place of the match, takes over another register as it was. A loop: additions in a row multiply what the verifier walks along. */
struct km_taking_over {
  __u32 slot;
  __u32 to; /* 0, or KM_REPLACE_REGISTERS: the match */
  __u64 which;
};

static long km_take_over_step(__u32 step, struct km_taking_over *taking)
{
  struct km_request *request = km_scratch_at(&taking->slot);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  __u32 from = taking->which & KM_REPLACE_REGISTER_MASK;
  __u32 to = step + taking->to & (2 * KM_REPLACE_REGISTERS - 1);
  taking->which >>= KM_REPLACE_REGISTER_BITS;
  barrier_var(from);
  __u16 value = replacing->before[from];
  barrier_var(to);
  replacing->places[to] = value;
  return KM_NEXT;
}

__noinline int km_take_over(struct km_request *given, __u64 which, __u32 count, __u32 to)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  struct km_taking_over taking = { .slot = request->slot, .to = to, .which = which };
  __builtin_memcpy(replacing->before, replacing->places, sizeof(replacing->before));
  bpf_loop(count & KM_REPLACE_REGISTER_MASK, km_take_over_step, &taking, 0);
  return KM_NEXT;
}

/* The search is over. */
__noinline int km_end_search(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  __u32 from = replacing->from;
  __u32 begin = replacing->places[KM_REPLACE_REGISTERS];
  if (!replacing->matched) {
    replacing->done = 1;
    km_put_head(request, from, replacing->end - from);
    return KM_STOP;
  }
  if (begin != replacing->last || begin != replacing->places[KM_REPLACE_REGISTERS + KM_REPLACE_END]) {
    replacing->stage = KM_REPLACE_WRITES;
    replacing->written = 0;
    return begin > from ? km_put_head(request, from, begin - from) : KM_NEXT;
  }
  /* Nothing, right behind what was replaced: a byte further. */
  if (from >= replacing->end) {
    replacing->done = 1;
    return KM_STOP;
  }
  if (km_put_head(request, from, 1))
    return KM_STOP;
  replacing->from = from + 1;
  replacing->stage = KM_REPLACE_BEGINS;
  return KM_NEXT;
}

/* A text of the substitution, or a group. */
__noinline int km_put_replacement(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  if (replacing->written == replacing->count) {
    replacing->from = replacing->places[KM_REPLACE_REGISTERS + KM_REPLACE_END];
    replacing->last = replacing->from;
    replacing->stage = KM_REPLACE_BEGINS;
    return KM_NEXT;
  }
  const struct km_replace_part *part = km_replace_row(request, replacing->part + replacing->written);
  if (!part || !km_has_room(request, KM_REPLACE_TEXT_BYTES))
    return km_fail_replacing(request);
  replacing->written++;
  if (part->from == KM_REPLACE_NONE) {
    const __u64 *words = (const __u64 *)part->text;
    __u64 *to = (__u64 *)km_out_at(request);
    to[0] = words[0];
    to[1] = words[1];
    to[2] = words[2];
    request->acting.at += part->length;
    return KM_NEXT;
  }
  __u32 first = part->from & KM_REPLACE_REGISTER_MASK;
  __u32 last = part->to & KM_REPLACE_REGISTER_MASK;
  barrier_var(first);
  barrier_var(last);
  __u32 begin = replacing->places[KM_REPLACE_REGISTERS + first];
  __u32 end = replacing->places[KM_REPLACE_REGISTERS + last];
  return begin == KM_NO_PLACE || end == KM_NO_PLACE || end <= begin ? KM_NEXT : km_put_head(request, begin, end - begin);
}

/* A byte of the text, or its end. */
static __always_inline int km_replace_byte(struct km_request *request)
{
  struct km_replacing *replacing = &request->acting.replacing;
  __u32 at = replacing->at;
  __u32 class = at >= replacing->end ? KM_REPLACE_EDGE : km_replace_class(request, at);
  if (class == KM_REPLACE_UNSURE)
    return km_fail_replacing(request);
  __u32 row = replacing->replacer + 1 + KM_REPLACE_CLASS_ROWS + replacing->state * KM_REPLACE_CLASSES + class;
  const struct km_replace_step *step = km_replace_row(request, row);
  if (!step)
    return km_fail_replacing(request);
  replacing->places[KM_REPLACE_HERE] = at;
  replacing->places[KM_REPLACE_NONE] = KM_NO_PLACE;
  if (step->places) {
    km_take_over(request, step->match, step->places, KM_REPLACE_REGISTERS);
    replacing->places[KM_REPLACE_REGISTERS + KM_REPLACE_END] = at;
    replacing->matched = 1;
  }
  if (step->next == KM_REPLACE_DEAD) {
    replacing->stage = KM_REPLACE_ENDS;
    return KM_NEXT;
  }
  if (step->count)
    km_take_over(request, step->registers, step->count, 0);
  replacing->state = step->next;
  replacing->at = at + 1;
  return KM_NEXT;
}

static long km_replace_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  __u32 stage = request->acting.replacing.stage;
  int stop;
  if (stage == KM_REPLACE_READS)
    stop = km_replace_byte(request);
  else if (stage == KM_REPLACE_WRITES)
    stop = km_put_replacement(request);
  else
    stop = stage == KM_REPLACE_BEGINS ? km_begin_search(request) : km_end_search(request);
  return stop ? KM_STOP : KM_NEXT;
}

/* The path without query. Global: verified once. */
__noinline int km_put_replaced(struct km_request *given, __u32 replacer, __u32 part, __u32 count, __u32 needed)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_replacing *replacing = &request->acting.replacing;
  __u32 slot = request->slot;
  __u32 before = request->acting.at;
  replacing->replacer = replacer;
  replacing->part = part;
  replacing->count = count;
  replacing->begin = request->path;
  replacing->end = request->path + request->path_length;
  replacing->from = replacing->begin;
  replacing->last = KM_NO_PLACE;
  replacing->done = 0;
  replacing->stage = KM_REPLACE_BEGINS;
  bpf_loop(KM_REPLACE_STEPS, km_replace_step, &slot, 0);
  if (!replacing->done || request->acting.failed || (needed && request->acting.at == before))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  before &= KM_OUT_MAX - 1;
  barrier_var(before);
  return needed == KM_REPLACE_NEEDS_SLASH && request->out[before] != '/' ? km_fail_composing(request, KM_SLOW_COMPOSE) : KM_NEXT;
}
