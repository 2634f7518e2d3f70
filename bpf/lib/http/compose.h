/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Composing what is sent instead: the head of a request that a route changes, or a whole reply. In: rows of pieces (proto/http/acting.ts) and a request. Out:
 * `out` and `out_length`, or why it cannot be composed here. What the pieces mean is stated in compiler/lower/http/pieces.ts, which writes them.
 *
 * Bytes of the head are moved by dynptrs (kernel 5.19), because a copy of variable length is one call that way; texts are moved 8 bytes at a time, beyond their
 * end: what follows overwrites that. Everything is kept in the request: a first write to the stack costs a speculation barrier without CAP_PERFMON.
 * Invariant: `acting.at` never exceeds KM_OUT_MAX where something is written, and what is written there is shorter than KM_OUT_MAX.
 */
#pragma once
#include "../text.h"
#include "clock.h"
#include "header.h"
#include "output.h"
#include "replace.h"

#define KM_HOST_BIT 63
#define KM_COMMA 44
#define KM_COLON 58
#define KM_OPEN_BRACKET 91
#define KM_BRACKET 93
#define KM_PORT_80_BYTES 2
#define KM_PORT_DIGITS 5
#define KM_TEXT_STEP 32
#define KM_DATE_BYTES 29
/* km_acting.skip */
#define KM_SKIP_LINE 1 /* until the piece that ends it */
#define KM_SKIP_TEXT 2 /* until the text is over, which is a whole line */
/* Rows of pieces of one head or reply. */
#define KM_PIECES_MAX 2048

/* A part of the head; no more than the piece takes. */
static __always_inline int km_put_part(struct km_request *request, const struct km_piece *piece, __u32 from, __u32 length)
{
  return km_put_head(request, from, piece->length < length ? piece->length : length);
}

static __always_inline void km_put_words(struct km_request *request, const __u64 *words)
{
  __u64 *to = (__u64 *)km_out_at(request);
  to[0] = words[0];
  to[1] = words[1];
  to[2] = words[2];
}

/* A line of the head does not go on. `end`: behind its value. */
static __always_inline int km_cut(struct km_request *request, __u32 line, __u32 end)
{
  /* Blanks behind a value are rare, and where the line ends would have to be looked for. */
  if (km_byte(request, end) != KM_CARRIAGE_RETURN)
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  return km_cut_lines(request, line, end + KM_LINE_END_BYTES);
}

__noinline int km_drop_line(struct km_request *given, __u32 slot)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  __u64 bit;
  if (slot == KM_SLOT_HOST) {
    bit = 1ULL << KM_HOST_BIT;
    if (request->acting.dropped & bit)
      return KM_NEXT;
    request->acting.dropped |= bit;
    return km_cut(request, request->host_line, request->host + request->host_length);
  }
  if (!km_has_header(request, slot))
    return KM_NEXT;
  bit = 1ULL << (slot & (KM_INTEREST_MAX - 1));
  if (request->acting.dropped & bit)
    return KM_NEXT;
  request->acting.dropped |= bit;
  const struct km_found *found = km_found_of(request, slot);
  return km_cut(request, found->line, found->value + found->length);
}

/* Whether the request has a line of this header that still goes on. */
static __always_inline int km_line_stands(const struct km_request *request, __u32 slot)
{
  if (slot == KM_SLOT_HOST)
    return !(request->acting.dropped >> KM_HOST_BIT);
  return km_has_header(request, slot) && !(request->acting.dropped >> (slot & (KM_INTEREST_MAX - 1)) & 1);
}

/* Value of the header and a comma, where it has one; or its whole line. */
static __always_inline int km_put_other(struct km_request *request, __u32 slot)
{
  const struct km_found *found = km_found_of(request, slot);
  __u32 length = found->length;
  if (!length)
    return KM_NEXT;
  if (km_put_head(request, found->value, length))
    return KM_STOP;
  *km_out_at(request) = KM_COMMA;
  request->acting.at++;
  return KM_NEXT;
}

/* A line begins: whether its pieces are left out. The other line is cut at the end, when it is known that this one has a value. */
static __always_inline int km_begin_line(struct km_request *request, __u32 mode, __u32 slot)
{
  request->acting.line = request->acting.at;
  request->acting.how = mode;
  request->acting.slot = slot;
  if (mode == KM_LINE_IF_ABSENT)
    return km_line_stands(request, slot);
  return mode == KM_LINE_OVERWRITE_IF && !km_line_stands(request, slot);
}

/* What the line does to the other one, now that it is there. */
static __always_inline int km_settle_line(struct km_request *request, __u32 mode, __u32 slot)
{
  if (mode == KM_LINE_ADD || mode == KM_LINE_IF_ABSENT)
    return KM_NEXT;
  return km_drop_line(request, slot);
}

__noinline int km_end_line(struct km_request *given, __u32 how)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  __u32 mode = request->acting.how;
  request->acting.how = KM_LINE_NONE;
  if (request->acting.skip) {
    request->acting.skip = 0;
    return KM_NEXT;
  }
  if (request->acting.at == request->acting.value && !(how & KM_LINE_KEEP)) {
    request->acting.at = request->acting.line;
    return KM_NEXT;
  }
  if (!km_has_room(request, KM_LINE_END_BYTES))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  *(__u16 *)km_out_at(request) = KM_LINE_END;
  request->acting.at += KM_LINE_END_BYTES;
  return km_settle_line(request, mode, request->acting.slot);
}

/* The first row of a text, or only its length where it is left out. */
static __always_inline int km_put_text(struct km_request *request, const struct km_piece *piece)
{
  __u32 length = piece->length;
  __u32 first = length < KM_PIECE_TEXT_BYTES ? length : KM_PIECE_TEXT_BYTES;
  request->acting.text = length - first;
  if (request->acting.skip)
    return KM_NEXT;
  if (!km_has_room(request, length))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  km_put_words(request, (const __u64 *)piece->text);
  request->acting.at += first;
  return KM_NEXT;
}

/* Another row of a text. */
static __always_inline int km_put_more_text(struct km_request *request, const __u64 *words)
{
  __u32 left = request->acting.text;
  __u32 length = left < KM_TEXT_STEP ? left : KM_TEXT_STEP;
  request->acting.text = left - length;
  if (request->acting.skip)
    return KM_NEXT;
  if (!km_has_room(request, length))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  km_put_words(request, words);
  ((__u64 *)km_out_at(request))[3] = words[3];
  request->acting.at += length;
  return KM_NEXT;
}

/* From byte `source` of the target on; `end`: of the target, or of its path. */
static __always_inline int km_put_target(struct km_request *request, __u32 source, __u32 most, __u32 end)
{
  __u32 skipped = source == KM_SOURCE_QUERY ? request->path_length : source;
  __u32 from = request->path + skipped;
  if (from > end)
    return km_fail_composing(request, KM_SLOW_TABLE);
  return km_put_head(request, from, end - from > most ? most : end - from);
}

/* A request line whose path begins differently. */
static __always_inline int km_put_line_prefix(struct km_request *request, const struct km_piece *piece)
{
  if (km_put_head(request, 0, request->path))
    return KM_STOP;
  if (!km_has_room(request, KM_PIECE_TEXT_BYTES))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  km_put_words(request, (const __u64 *)piece->text);
  request->acting.at += piece->length;
  return km_put_target(request, piece->source, KM_PIECE_WHOLE, request->headers);
}

/* Both are read before one is chosen, else clang chooses between their addresses, which the verifier takes for two additions. */
static __always_inline __u32 km_target_end(const struct km_request *request)
{
  __u32 bare = request->path_length;
  __u32 query = request->query_length;
  barrier_var(bare);
  barrier_var(query);
  return request->path + bare + (request->query == KM_NOWHERE ? 0 : query + 1);
}

__noinline int km_put_date(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  __u32 zero = 0;
  const __u64 *date = bpf_map_lookup_elem(&km_clock, &zero);
  if (!date || !*date || !km_has_room(request, KM_DATE_BYTES))
    return km_fail_composing(request, KM_SLOW_TABLE);
  km_put_words(request, date);
  ((__u64 *)km_out_at(request))[3] = date[3];
  request->acting.at += KM_DATE_BYTES;
  return KM_NEXT;
}

/* The name of a line is written; what joins others goes behind it. */
static __always_inline int km_begin_value(struct km_request *request)
{
  request->acting.naming = 0;
  if (request->acting.how == KM_LINE_JOIN && !request->acting.skip && km_line_stands(request, request->acting.slot) &&
      km_put_other(request, request->acting.slot))
    return KM_STOP;
  request->acting.value = request->acting.at;
  return KM_NEXT;
}

/* Behind the last row of a text. */
static __always_inline int km_end_text(struct km_request *request)
{
  if (request->acting.text)
    return KM_NEXT;
  if (request->acting.naming)
    return km_begin_value(request);
  if (request->acting.skip == KM_SKIP_TEXT)
    request->acting.skip = 0;
  return KM_NEXT;
}

/* Where the last ':' of Host is that a port may follow, and what the last ']' says of it. One byte a step, from the end. */
static long km_colon_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request || !request->acting.value)
    return KM_STOP;
  __u8 byte = km_byte(request, request->acting.value - 1);
  if (byte == KM_COLON || byte == KM_BRACKET)
    return KM_STOP;
  request->acting.value--;
  return KM_NEXT;
}

/* Host without its port. `value` is free: a name is no value of a line that can be taken back. */
__noinline int km_put_host_name(struct km_request *given, __u32 only80)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  __u32 end = request->host + request->host_length;
  __u32 slot = request->slot;
  request->acting.value = end;
  bpf_loop(request->host_length, km_colon_step, &slot, 0);
  __u32 colon = request->acting.value;
  request->acting.value = 0;
  if (colon <= request->host || km_byte(request, colon - 1) != KM_COLON)
    return km_put_head(request, request->host, request->host_length);
  if (only80 && (end - colon != KM_PORT_80_BYTES || km_byte(request, colon) != '8' ||
                 km_byte(request, colon + 1) != '0'))
    return km_put_head(request, request->host, request->host_length);
  /* "[::1:80" has its colon inside */
  if (km_byte(request, request->host) == KM_OPEN_BRACKET && km_byte(request, colon - 2) != KM_BRACKET)
    return km_fail_composing(request, KM_SLOW_HOST);
  return km_put_head(request, request->host, colon - 1 - request->host);
}

static __always_inline int km_put_written(struct km_request *request, const struct km_text *text)
{
  if (!km_has_room(request, text->length))
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  __u64 *to = (__u64 *)km_out_at(request);
#pragma unroll
  for (int i = 0; i < KM_TEXT_WORDS; i++)
    to[i] = text->words[i];
  request->acting.at += text->length;
  return KM_NEXT;
}

/* An address; IPv6 in brackets where a port follows. Nobody knows the address of all zeros. */
static __always_inline int km_put_address(struct km_request *request, const union km_address *address, __u32 bracketed)
{
  struct km_text text = {};
  if (!address->halves[0] && !address->halves[1])
    return km_fail_composing(request, KM_SLOW_COMPOSE);
  int brackets = bracketed && !km_is_v4(address);
  if (brackets)
    km_prepend_character(&text, KM_BRACKET);
  km_write_address_text(&text, address);
  if (brackets)
    km_prepend_character(&text, KM_OPEN_BRACKET);
  return km_put_written(request, &text);
}

/* Two functions, as an offset that depends on the path would be one more thing to prove. */
__noinline int km_put_source(struct km_request *given, __u32 bracketed)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  return km_put_address(request, (const union km_address *)request->source, bracketed);
}

__noinline int km_put_asked(struct km_request *given, __u32 bracketed)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  return km_put_address(request, (const union km_address *)request->asked, bracketed);
}

__noinline int km_put_port(struct km_request *given, __u32 port)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_STOP;
  struct km_text text = {};
  if (!port)
    return km_fail_composing(request, KM_SLOW_COMPOSE);
#pragma unroll
  for (int i = 0; i < KM_PORT_DIGITS; i++) {
    if (port)
      km_prepend_character(&text, '0' + port % 10);
    port /= 10;
  }
  return km_put_written(request, &text);
}

/* What a piece of the line, or of the body, is. */
static __always_inline int km_put_value(struct km_request *request, const struct km_piece *piece)
{
  switch (piece->kind) {
  case KM_PIECE_HEADER: {
    const struct km_found *found = km_found_of(request, piece->source);
    return km_has_header(request, piece->source) ? km_put_part(request, piece, found->value, found->length) : KM_NEXT;
  }
  case KM_PIECE_LINE:
    return km_put_head(request, 0, request->headers);
  case KM_PIECE_LINE_BEGIN:
    return km_put_head(request, 0, request->path);
  case KM_PIECE_LINE_END:
    return km_put_target(request, piece->source, KM_PIECE_WHOLE, request->headers);
  case KM_PIECE_LINE_PREFIX:
    return km_put_line_prefix(request, piece);
  case KM_PIECE_METHOD:
    return km_put_part(request, piece, 0, request->method_length);
  case KM_PIECE_TARGET:
    return km_put_target(request, piece->source, piece->length, km_target_end(request));
  case KM_PIECE_PATH:
    return km_put_target(request, piece->source, piece->length, request->path + request->path_length);
  case KM_PIECE_QUERY:
    return request->query == KM_NOWHERE ? KM_NEXT : km_put_part(request, piece, request->query, request->query_length);
  case KM_PIECE_HOST:
    return km_put_part(request, piece, request->host, request->host_length);
  case KM_PIECE_HOST_NAME:
    return km_put_host_name(request, piece->source == KM_HOST_PORT_80);
  case KM_PIECE_SOURCE:
    return km_put_source(request, piece->source);
  case KM_PIECE_SOURCE_PORT:
    return km_put_port(request, request->source_port);
  case KM_PIECE_ASKED:
    return km_put_asked(request, piece->source);
  case KM_PIECE_ASKED_PORT:
    return km_put_port(request, request->asked_port);
  case KM_PIECE_DATE:
    return km_put_date(request);
  case KM_PIECE_REPLACED: {
    const struct km_replacement *what = (const struct km_replacement *)piece->text;
    return km_put_replaced(request, what->replacer, what->part, what->count, what->needed);
  }
  default:
    return km_fail_composing(request, KM_SLOW_TABLE);
  }
}

/* A line begins: with its name, or whole. */
static __always_inline int km_put_line(struct km_request *request, const struct km_piece *piece)
{
  __u32 mode = piece->how & KM_LINE_MASK;
  __u32 slot = piece->slot;
  if (mode == KM_LINE_DROP)
    return km_drop_line(request, slot);
  int whole = piece->how & KM_LINE_ENDS;
  request->acting.skip = km_begin_line(request, mode, slot) ? (whole ? KM_SKIP_TEXT : KM_SKIP_LINE) : 0;
  request->acting.naming = !whole;
  if (km_put_text(request, piece))
    return KM_STOP;
  if (whole && !request->acting.skip && km_settle_line(request, mode, slot))
    return KM_STOP;
  return km_end_text(request);
}

static __always_inline int km_put_piece(struct km_request *request, const struct km_piece *piece)
{
  if (piece->kind == KM_PIECE_SLOW_IF)
    return km_has_header(request, piece->slot) ? km_fail_composing(request, KM_SLOW_COMPOSE) : KM_NEXT;
  if (piece->how & KM_LINE_MASK)
    return km_put_line(request, piece);
  if (piece->kind == KM_PIECE_BODY)
    return request->flags & KM_HEAD_IS_HEAD ? KM_STOP : KM_NEXT;
  if (piece->kind == KM_PIECE_REST)
    return km_put_rest(request, piece->source);
  if (piece->kind == KM_PIECE_CLOSE) {
    request->acting.skip = request->flags & KM_HEAD_CLOSE ? 0 : KM_SKIP_TEXT;
    return km_put_text(request, piece) ? KM_STOP : km_end_text(request);
  }
  if (piece->kind == KM_PIECE_TEXT) {
    if (km_put_text(request, piece))
      return KM_STOP;
  } else if (!request->acting.skip && !km_has_header(request, piece->slot) && km_put_value(request, piece)) {
    return KM_STOP;
  }
  return piece->how & KM_LINE_ENDS ? km_end_line(request, piece->how) : KM_NEXT;
}

static long km_piece_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  if (!request)
    return KM_STOP;
  const void *row = km_http_row(request, request->acting.row);
  if (!row)
    return km_fail_composing(request, KM_SLOW_TABLE);
  request->acting.row++;
  int stop;
  if (!request->acting.text)
    stop = km_put_piece(request, row);
  else
    stop = km_put_more_text(request, row) ? KM_STOP : km_end_text(request);
  return stop ? KM_STOP : KM_NEXT;
}

/* The line with which the client ends its connection says nothing of the one to the server. */
static __always_inline int km_cut_close(struct km_request *request)
{
  if (!(request->flags & KM_HEAD_CLOSE))
    return KM_NEXT;
  if (request->connections > 1)
    return km_fail_composing(request, KM_SLOW_HOP);
  return km_cut_lines(request, request->connection, request->connection_end);
}

/* The head as it came, but for that line. 0, or KM_SLOW_* + 1. */
__noinline int km_compose_without_close(struct km_request *given)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SLOW_TABLE + 1;
  km_begin_output(request);
  if (km_cut_close(request) || km_put_head(request, 0, request->headers) || km_put_rest(request, 1))
    return request->acting.failed;
  request->out_length = request->acting.at;
  return 0;
}

/* Writes `out` by rows of pieces. 0, or KM_SLOW_* + 1 with `out_length` 0. */
__noinline int km_compose_rows(struct km_request *given, __u32 first, __u32 count)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SLOW_TABLE + 1;
  km_begin_output(request);
  if (km_cut_close(request))
    return request->acting.failed;
  request->acting.row = first;
  request->acting.text = 0;
  request->acting.how = KM_LINE_NONE;
  request->acting.skip = 0;
  request->acting.naming = 0;
  request->acting.dropped = 0;
  __u32 slot = request->slot;
  bpf_loop(count & (KM_PIECES_MAX - 1), km_piece_step, &slot, 0);
  if (request->acting.failed)
    return request->acting.failed;
  request->out_length = request->acting.at;
  return 0;
}
