/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a route changes in the head of a response (proto/http/editing.ts). In: a response's head in `head`, and the row of km_edit that its request took along. Out: the new head in `out`.
 *
 *   km_begin_edits    before the walk along the head: which names are looked for
 *   km_note_edited    a line of the walk that may have one of them
 *   km_edit_head      after the walk
 */
#pragma once
#include "edit-row.h"
#include "output.h"
#include "scan.h"

#define KM_STATUS_DIGITS 3
#define KM_STATUS_AT 9
/* A name is compared in words, up to so many bytes of the text. */
#define KM_EDIT_NAME_BYTES (KM_EDIT_NAME_WORDS * KM_WORD_BYTES)

/* The walk under way is along a head that is edited. 0: nobody knows how. */
static __always_inline int km_begin_edits(struct km_request *request, const struct km_upstream *upstream)
{
  __u32 number = upstream->edit;
  struct km_edit *edit = km_edit_at(number);
  if (!edit || (edit->taken & ~KM_ROW_TURN) != upstream->cookie)
    return 0;
  const struct km_edits *edits = km_edits_of(edit);
  request->edit = number;
  request->scan.letters = edits->letters;
  request->scan.lengths = edits->lengths;
  request->seen = 0;
  km_begin_output(request);
  return 1;
}

/* Words of the text from a name on. */
static __always_inline int km_same_name(const struct km_request *request, struct km_edit *edit, __u32 line, __u32 at, __u32 length)
{
  if (at > KM_EDIT_TEXT_MAX - KM_EDIT_NAME_BYTES)
    return 0;
  barrier_var(at);
  const __u8 *text = (const __u8 *)edit->rows + sizeof(struct km_edits) + at;
  const __u64 *words = km_words(request, line);
  __u64 differ = 0;
#pragma unroll
  for (int i = 0; i < KM_EDIT_NAME_WORDS; i++)
    differ |= km_keep_some(km_lower(words[i]) ^ *(const __u64 *)(text + i * KM_WORD_BYTES), (__s64)(__u64)length - i * KM_WORD_BYTES);
  return !differ;
}

/* The header line [line, end), which has a name of this length. 0, or KM_SCAN_SLOW. Global: verified once. */
__noinline int km_note_edited(struct km_request *given, __u32 line, __u32 end, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  struct km_edit *edit = request ? km_edit_at(request->edit) : NULL;
  if (!edit)
    return KM_SCAN_SLOW;
  if (length >= KM_EDIT_NAME_BYTES)
    return 0;
  const struct km_edits *edits = km_edits_of(edit);
  __u64 hash = km_hash_here(request, line, length, 1);
  __u32 found = KM_EDIT_NAMES_MAX;
#pragma unroll
  for (int i = 0; i < KM_EDIT_NAMES_MAX; i++)
    if (i < edits->names && edits->name[i].hash == hash && edits->name[i].length == length)
      found = i;
  request->acting.index = found;
  found = *(volatile __u32 *)&request->acting.index;
  if (found >= KM_EDIT_NAMES_MAX)
    return 0;
  barrier_var(found);
  if (!km_same_name(request, edit, line, edits->name[found].at, length))
    return km_scan_slow(request, KM_SLOW_TABLE);
  request->seen |= 1ULL << found;
  if (edits->name[found].how & KM_EDIT_DROP && km_cut_lines(request, line, end + KM_LINE_END_BYTES))
    return km_scan_slow(request, KM_SLOW_COMPOSE);
  return 0;
}

static __always_inline int km_put_status(struct km_request *request)
{
  return km_put_head(request, KM_STATUS_AT, KM_STATUS_DIGITS);
}

static __always_inline int km_put_edit_text(struct km_request *request, struct km_edit *edit, __u32 at, __u32 length)
{
  struct bpf_dynptr block;
  if (!km_has_room(request, length))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  bpf_dynptr_from_mem(edit->rows, sizeof(edit->rows), 0, &block);
  if (bpf_dynptr_read(km_out_at(request), length & (KM_OUT_MAX - 1), &block, sizeof(struct km_edits) + at, 0))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  request->acting.at += length;
  return KM_NEXT;
}

/* One part, by its index. */
__noinline int km_put_edit(struct km_request *given, __u32 index)
{
  struct km_request *request = km_scratch_of(given);
  struct km_edit *edit = request ? km_edit_at(request->edit) : NULL;
  if (!edit)
    return KM_STOP;
  index &= KM_EDIT_PARTS_MAX - 1;
  barrier_var(index);
  const struct km_edit_part *part = &km_edits_of(edit)->part[index];
  int there = request->seen >> (part->name & (KM_EDIT_NAMES_MAX - 1)) & 1;
  if (part->when != KM_EDIT_ALWAYS && there != (part->when == KM_EDIT_IF_THERE))
    return KM_NEXT;
  return part->what == KM_EDIT_STATUS ? km_put_status(request) : km_put_edit_text(request, edit, part->at, part->length);
}

static long km_edit_step(__u32 step, __u32 *slot)
{
  return km_put_edit(km_scratch_at(slot), step) ? KM_STOP : KM_NEXT;
}

/* The new head. 0: it cannot be made here. Global: verified once. */
__noinline int km_edit_head(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  struct km_edit *edit = request ? km_edit_at(request->edit) : NULL;
  if (!edit)
    return 0;
  __u32 slot = request->slot;
  __u32 parts = km_edits_of(edit)->parts;
  if (km_put_head(request, 0, request->headers) || km_put_rest(request, 0))
    return 0;
  bpf_loop(parts & (2 * KM_EDIT_PARTS_MAX - 1), km_edit_step, &slot, 0);
  if (request->acting.failed || !km_has_room(request, KM_LINE_END_BYTES))
    return 0;
  *(__u16 *)km_out_at(request) = KM_LINE_END;
  request->acting.at += KM_LINE_END_BYTES;
  request->out_length = request->acting.at;
  return 1;
}
