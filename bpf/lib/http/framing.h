/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a response ends. In: the bytes of a response as they come, message by message. Out: how many of them belong to it, and whether it is complete; the state in
 * between is in km_upstream (phase, remaining, line).
 *
 * Of a chunked body only the lines between the chunks are read, byte by byte. KM_CONTEXT is a message or a packet, and KM_READ_BYTE reads a byte of it, by the
 * includer. Functions are global where they can be: each is verified once.
 */
#pragma once
#include "chunk.h"
#include "kept-row.h"
#include "response-head.h"
#include "upstream.h"

/* Steps of one message: chunks are skipped in one, other bytes take one each. */
#define KM_FRAME_STEPS 8192

/* What a walk says: the place where it ended, and these. */
#define KM_FRAME_COMPLETE (1ULL << 32)
#define KM_FRAME_BROKEN (1ULL << 33)

struct km_frame {
  KM_CONTEXT *context;
  __u64 upstream; /* cookie */
  __u32 at;
  __u32 end;
  __u32 complete;
  __u32 broken;
};

#define KM_RETRIED_STATUSES (KM_RETRIED_WORDS * 64)

/* Whether the request of this upstream is tried again after an answer with this status. */
static __noinline int km_tries_again(const struct km_upstream *upstream, __u32 status)
{
  const struct km_kept *kept = upstream ? km_kept_at(upstream->kept) : NULL;
  __u32 bit = status - KM_RETRIED_FIRST;
  if (!kept || (kept->taken & ~KM_ROW_TURN) != upstream->cookie || bit >= KM_RETRIED_STATUSES)
    return 0;
  __u32 word = bit >> 6 & (KM_RETRIED_WORDS - 1);
  barrier_var(word);
  return kept->statuses[word] >> (bit & 63) & 1;
}

/* After a whole head. 0: user space has to frame it. */
static __always_inline int km_frame_head(struct km_upstream *upstream, const struct km_request *request)
{
  const struct km_head_scan *scan = &request->scan;
  int closes = (request->flags & KM_HEAD_CLOSE) != 0;
  /* Exactly who asked for the end of its connection is told of it. */
  if ((closes && !(upstream->flags & KM_UPSTREAM_LAST)) || (scan->chunked && scan->lengths_set))
    return 0;
  if (closes && !(upstream->flags & KM_UPSTREAM_TOLD))
    __sync_fetch_and_or(&upstream->flags, KM_UPSTREAM_CLOSES);
  upstream->status = scan->status;
  upstream->line = 0;
  upstream->remaining = 0;
  if (upstream->flags & KM_UPSTREAM_BODILESS || scan->status == KM_STATUS_NO_CONTENT || scan->status == KM_STATUS_NOT_MODIFIED) {
    upstream->phase = KM_RESPONSE_LENGTH;
  } else if (scan->chunked) {
    upstream->phase = KM_RESPONSE_CHUNK_SIZE;
  } else if (scan->lengths_set) {
    upstream->phase = KM_RESPONSE_LENGTH;
    upstream->remaining = scan->length;
  } else {
    upstream->phase = KM_RESPONSE_UNTIL_CLOSE;
  }
  return 1;
}

/* The byte at a place of what came; beyond 255: it cannot be read. */
static __always_inline __u32 KM_READ_BYTE(KM_CONTEXT *context, __u32 at);

static long km_frame_step(__u32 step, struct km_frame *frame)
{
  struct km_upstream *upstream = km_upstream_of(frame->upstream);
  if (!upstream || frame->at >= frame->end)
    return KM_STOP;
  if (upstream->phase == KM_RESPONSE_CHUNK_DATA) {
    __u64 left = frame->end - frame->at;
    if (left > upstream->remaining)
      left = upstream->remaining;
    frame->at += left;
    upstream->remaining -= left;
    if (!upstream->remaining)
      upstream->phase = KM_RESPONSE_CHUNK_END;
    return KM_NEXT;
  }
  __u32 character = KM_READ_BYTE(frame->context, frame->at);
  frame->at++;
  if (upstream->phase == KM_RESPONSE_CHUNK_SIZE)
    frame->broken = km_chunk_size_byte(upstream, character);
  else if (upstream->phase == KM_RESPONSE_CHUNK_END)
    frame->broken = km_chunk_end_byte(upstream, character);
  else
    frame->broken = km_trailer_byte(upstream, character, &frame->complete);
  return frame->broken || frame->complete ? KM_STOP : KM_NEXT;
}

/* The chunks in [at, end). */
__noinline __u64 km_frame_chunks(KM_CONTEXT *context, __u64 upstream, __u32 at, __u32 end)
{
  struct km_frame frame = { .context = context, .upstream = upstream, .at = at, .end = end };
  bpf_loop(KM_FRAME_STEPS, km_frame_step, &frame, 0);
  return frame.at | (frame.complete ? KM_FRAME_COMPLETE : 0) | (frame.broken ? KM_FRAME_BROKEN : 0);
}

/* Goes on from `at`. What follows a complete response is left. */
static __always_inline __u64 km_frame_body(KM_CONTEXT *context, struct km_upstream *upstream, __u32 at, __u32 end)
{
  __u32 phase = upstream->phase;
  if (phase == KM_RESPONSE_UNTIL_CLOSE)
    return end;
  if (phase != KM_RESPONSE_LENGTH)
    return km_frame_chunks(context, upstream->cookie, at, end);
  __u64 left = end - at;
  __u64 remaining = upstream->remaining;
  if (left < remaining) {
    upstream->remaining = remaining - left;
    return end;
  }
  upstream->remaining = 0;
  return (__u32)(at + remaining) | KM_FRAME_COMPLETE;
}

/* Copies the beginning of what came, and walks along it. KM_SCAN_*. By the includer. */
static __always_inline int km_scan_context(KM_CONTEXT *context, struct km_request *request);

/* Before and after the walk along a head that is edited, by the includer: 0: it cannot be, user space has to; its length as it is now, or KM_HEAD_SPOILT. */
static __always_inline int km_prepare_edits(struct km_request *request, const struct km_upstream *upstream);
static __always_inline __u32 km_make_edits(KM_CONTEXT *context, struct km_request *request);

/* The client is to be told that its connection ends, and the server does not say it. */
static __always_inline int km_is_to_be_told(const struct km_upstream *upstream)
{
  return (upstream->flags & (KM_UPSTREAM_LAST | KM_UPSTREAM_CLOSES | KM_UPSTREAM_TOLD)) == KM_UPSTREAM_LAST;
}

/* What came is neither what it was nor what it should be. */
#define KM_HEAD_SPOILT 0xffffffff

/* The length of the head that begins what came, edited where it is to be; 0: user space has to frame the response. */
__noinline __u32 km_read_response_head(KM_CONTEXT *context, __u64 cookie)
{
  struct km_upstream *upstream = km_upstream_of(cookie);
  struct km_request *request = upstream ? km_take_scratch() : NULL;
  if (!request)
    return 0;
  km_begin_response(request);
  __u32 length = 0;
  int prepared = !upstream->edit || km_prepare_edits(request, upstream);
  if (prepared && km_scan_context(context, request) == KM_SCAN_WHOLE && !km_tries_again(upstream, request->scan.status) && km_frame_head(upstream, request))
    length = request->edit ? km_make_edits(context, request) : request->head_length;
  km_give_scratch(request);
  return length;
}
