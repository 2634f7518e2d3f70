/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The head of a request. In: its lines, from scan.h. Out: the first half of struct km_request, or why user space has to look.
 *
 * What is not exactly the one form that every parser agrees on is refused here, never guessed: a request line of a known method, a path and HTTP/1.1;
 * names of letters, digits, - . _; one Host; at most one Content-Length, a number; nothing that changes framing, hops or the protocol.
 */
#pragma once
#include "interest.h"
#include "header-line.h"

/* of "application/grpc" */
#define KM_GRPC_LENGTH 16
#define KM_ENVOY KM_WORD8('x', '-', 'e', 'n', 'v', 'o', 'y', '-')

/* Length of the method, its blank behind it; 0: none that is known. */
static __always_inline __u32 km_method_length(__u64 word)
{
  if ((__u32)word == KM_WORD4('G', 'E', 'T', ' '))
    return 3;
  if ((word & 0xffffffffffULL) == KM_WORD8('P', 'O', 'S', 'T', ' ', 0, 0, 0))
    return 4;
  if ((__u32)word == KM_WORD4('P', 'U', 'T', ' '))
    return 3;
  if ((word & 0xffffffffffULL) == KM_WORD8('H', 'E', 'A', 'D', ' ', 0, 0, 0))
    return 4;
  if ((word & 0xffffffffffffffULL) == KM_WORD8('D', 'E', 'L', 'E', 'T', 'E', ' ', 0))
    return 6;
  if ((word & 0xffffffffffffULL) == KM_WORD8('P', 'A', 'T', 'C', 'H', ' ', 0, 0))
    return 5;
  if (word == KM_WORD8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' '))
    return 7;
  if ((word & 0xffffffffffffULL) == KM_WORD8('P', 'U', 'R', 'G', 'E', ' ', 0, 0))
    return 5;
  return 0;
}

/* Bit 7 of each byte that has no place in a target: blanks, controls, DEL, above; the number sign. */
static __always_inline __u64 km_not_in_target(__u64 word)
{
  __u64 low = word & KM_LOWS;
  __u64 visible = low + KM_ONES * (0x80 - 0x21);
  __u64 delete = low + KM_ONES;
  return ((~visible | delete | word) & KM_HIGHS) | km_bytes_equal(word, '#');
}

/* Eight bytes of the target: notes the first question mark. 0, or KM_SCAN_SLOW. */
static __always_inline int km_path_word(struct km_request *request, __u32 at, __u32 end)
{
  __u64 word = km_word(request, at);
  if (end - at < KM_WORD_BYTES) {
    __u64 mask = (1ULL << (end - at) * KM_BYTE_BITS) - 1;
    word = (word & mask) | (KM_ONES * '/' & ~mask);
  }
  if (km_not_in_target(word))
    return km_scan_slow(request, KM_SLOW_TARGET);
  __u64 marks = km_bytes_equal(word, '?');
  if (marks && request->query == KM_NOWHERE)
    request->query = at + km_first_byte(marks) + 1;
  return 0;
}

static __always_inline long km_path_on(struct km_request *request)
{
  struct km_head_scan *scan = &request->scan;
  /* Through memory, so that the verifier knows as much of it on every way here. */
  __u32 at = *(volatile __u32 *)&scan->target_at;
  if (at >= scan->target_end)
    return KM_STOP;
  scan->result = km_path_word(request, at, scan->target_end);
  scan->target_at = at + KM_WORD_BYTES;
  return scan->result ? KM_STOP : KM_NEXT;
}

static long km_path_step(__u32 step, __u32 *slot)
{
  struct km_request *request = km_scratch_at(slot);
  return request ? km_path_on(request) : KM_STOP;
}

/* As KM_SHORT_WORDS, of targets. */
#define KM_SHORT_PATH_WORDS 6

/* [0, end): method, blank, target, blank, version. */
__noinline int km_first_line(struct km_request *given, __u32 end)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  __u64 word = km_word(request, 0);
  __u32 method = km_method_length(word);
  if (end < KM_VERSION_BYTES + 1 || km_word(request, end - KM_VERSION_BYTES) != KM_VERSION11)
    return km_scan_slow(request, KM_SLOW_VERSION);
  if (!method || end < method + 1 + 1 + 1 + KM_VERSION_BYTES || km_byte(request, end - KM_VERSION_BYTES - 1) != ' ')
    return km_scan_slow(request, KM_SLOW_TARGET);
  __u32 path = method + 1;
  __u32 last = end - KM_VERSION_BYTES - 1;
  if (km_byte(request, path) != '/')
    return km_scan_slow(request, KM_SLOW_TARGET);
  request->flags = (__u32)word == KM_WORD4('H', 'E', 'A', 'D') ? KM_HEAD_IS_HEAD : 0;
  request->headers = end + KM_LINE_END_BYTES;
  request->method_length = method;
  request->path = path;
  request->query = KM_NOWHERE;
  request->query_length = 0;
  request->scan.target_at = path;
  request->scan.target_end = last;
  request->scan.result = 0;
  __u32 slot = request->slot;
#pragma unroll
  for (int i = 0; i < KM_SHORT_PATH_WORDS; i++) {
    if (km_path_on(request) == KM_STOP)
      break;
  }
  if (!request->scan.result && request->scan.target_at < last)
    bpf_loop((last - path + KM_WORD_BYTES - 1) >> KM_WORD_SHIFT & (KM_HEAD_MAX - 1), km_path_step, &slot, 0);
  if (request->scan.result)
    return KM_SCAN_SLOW;
  __u32 query = request->query;
  if (query == KM_NOWHERE) {
    request->path_length = last - path;
  } else {
    request->path_length = query - 1 - path;
    request->query_length = last - query;
  }
  return 0;
}

static __always_inline int km_take_length(struct km_request *request, __u32 value, __u32 length)
{
  __u64 number = km_number(request, value, length);
  if (request->flags & KM_HEAD_HAS_LENGTH || number == KM_NO_NUMBER)
    return km_scan_slow(request, KM_SLOW_AMBIGUOUS);
  request->flags |= KM_HEAD_HAS_LENGTH;
  if (number > KM_BODY_MAX)
    return km_scan_slow(request, KM_SLOW_BODY_SIZE);
  request->body_length = number;
  return 0;
}

#define KM_HOST_WORDS 16

/* Whether all of a host is of letters, digits, - . _ : [ ]; Envoy takes a few more, which user space knows. */
__noinline int km_is_plain_host(struct km_request *given, __u32 at, __u32 length)
{
  struct km_request *request = km_scratch_of(given);
  if (!request || length > KM_HOST_WORDS * KM_WORD_BYTES)
    return 0;
#pragma unroll
  for (int i = 0; i < KM_HOST_WORDS; i++) {
    __u32 from = i * KM_WORD_BYTES;
    if (from >= length)
      break;
    __u64 word = km_word(request, at + from);
    __u64 odd = km_not_in_name(word) & ~km_bytes_equal(word, ':') & ~km_bytes_equal(word, '[') & ~km_bytes_equal(word, ']');
    if (km_keep(odd, length - from))
      return 0;
  }
  return 1;
}

static __always_inline int km_take_host(struct km_request *request, __u32 line, __u32 value, __u32 length)
{
  if (request->host != KM_NOWHERE)
    return km_scan_slow(request, KM_SLOW_AMBIGUOUS);
  request->host = value;
  request->host_length = length;
  request->host_line = line;
  return km_is_plain_host(request, value, length) ? 0 : km_scan_slow(request, KM_SLOW_AMBIGUOUS);
}

/* Notes a header that the service asks for. */
static __always_inline int km_note(struct km_request *request, __u32 line, __u32 name, __u32 value, __u32 length)
{
  __u32 found = km_interest(request, line, name);
  if (found == KM_NOT_FOUND)
    return 0;
  if (found == KM_UNSURE || found > KM_INTEREST_MAX)
    return km_scan_slow(request, KM_SLOW_TABLE);
  __u32 slot = found - 1;
  if (request->seen >> slot & 1) {
    request->again |= 1ULL << slot;
    return 0;
  }
  request->seen |= 1ULL << slot;
  barrier_var(slot);
  slot &= KM_INTEREST_MAX - 1;
  struct km_found *at = &request->found[slot];
  at->name = name;
  at->line = line;
  at->value = value;
  at->length = length;
  return 0;
}

/* application/grpc or application/grpc+something, as Envoy's Grpc::Common::isGrpcRequestHeaders has it: case counts. Envoy joins several values. */
static __always_inline int km_take_content_type(struct km_request *request, __u32 value, __u32 length)
{
  if (request->flags & KM_HEAD_TYPED)
    return km_scan_slow(request, KM_SLOW_REPEATED_HEADER);
  request->flags |= KM_HEAD_TYPED;
  if (length < KM_GRPC_LENGTH || km_word(request, value) != KM_WORD8('a', 'p', 'p', 'l', 'i', 'c', 'a', 't') ||
      km_word(request, value + 8) != KM_WORD8('i', 'o', 'n', '/', 'g', 'r', 'p', 'c'))
    return 0;
  if (length == KM_GRPC_LENGTH || (km_word(request, value + KM_GRPC_LENGTH) & 0xff) == '+')
    request->flags |= KM_HEAD_GRPC;
  return 0;
}

/* Where its line is: one that says `close` does not go on. That there are several is looked at where it matters (compose.h): a branch here multiplies what the verifier walks. */
static __always_inline void km_note_connection(struct km_request *request, __u32 line, __u32 end)
{
  request->connections++;
  request->connection = line;
  request->connection_end = end + KM_LINE_END_BYTES;
}

/* A line of one of the names that framing and hops depend on, with its value. 0, or KM_SCAN_SLOW. */
static __always_inline int km_own_line(struct km_request *request, __u32 line, __u32 end, __u32 value, __u32 length, __u32 kind)
{
  if (kind == KM_LINE_HOST)
    return km_take_host(request, line, value, length);
  if (kind == KM_LINE_CONTENT_LENGTH)
    return km_take_length(request, value, length);
  if (kind == KM_LINE_CONNECTION) {
    km_note_connection(request, line, end);
    return km_take_connection(request, value, length);
  }
  return km_take_content_type(request, value, length);
}

__noinline int km_special_line(struct km_request *given, __u32 line, __u32 end, __u32 name)
{
  struct km_request *request = km_scratch_of(given);
  if (!request)
    return KM_SCAN_SLOW;
  __u64 first = km_word(request, line) | KM_CASE;
  if (name > KM_WORD_BYTES && first == KM_ENVOY)
    return km_scan_slow(request, KM_SLOW_SPECIAL_HEADER);
  __u32 kind = km_line_kind(first, km_word(request, line + KM_WORD_BYTES) | KM_CASE, name);
  if (kind >= KM_LINE_REFUSED)
    return km_scan_slow(request, kind == KM_LINE_CODING ? KM_SLOW_CHUNKED : KM_SLOW_HOP);
  __u32 trimmed = km_trim(request, line + name + 1, end);
  if (trimmed == KM_NONE_OF_IT)
    return km_scan_slow(request, KM_SLOW_SYNTAX);
  __u32 value = trimmed >> 16;
  __u32 length = trimmed & 0xffff;
  if (kind != KM_LINE_PLAIN) {
    int result = km_own_line(request, line, end, value, length, kind);
    if (result)
      return result;
  }
  if (!km_may_interest(request->scan.letters, request->scan.lengths, km_byte(request, line), name))
    return 0;
  return km_note(request, line, name, value, length);
}

static __always_inline int km_may_matter(const struct km_head_scan *scan, __u64 first, __u32 length)
{
  return km_may_be_own(first, length) || first == KM_ENVOY || km_may_interest(scan->letters, scan->lengths, first, length);
}

/* What the walk begins with. `epoch` and `service` say which headers are of interest. 0, or KM_SCAN_SLOW. */
static __always_inline int km_begin_head(struct km_request *request)
{
  km_begin_scan(request);
  const struct km_service *service = km_service_of(request);
  if (!service)
    return km_scan_slow(request, KM_SLOW_NO_SERVICE);
  request->scan.letters = service->letters;
  request->scan.lengths = service->lengths;
  request->body_length = 0;
  request->host = KM_NOWHERE;
  request->host_length = 0;
  request->connections = 0;
  request->seen = 0;
  request->again = 0;
  request->route = 0;
  request->action = 0;
  request->cluster = 0;
  request->state = 0;
  request->timeout = 0;
  request->hash_flags = 0;
  request->target = 0;
  request->out_length = 0;
  return 0;
}

/* The last look at a whole head. KM_SCAN_*. */
static __always_inline int km_end_head(struct km_request *request)
{
  if (request->host == KM_NOWHERE)
    return km_scan_slow(request, KM_SLOW_AMBIGUOUS);
  if (request->head_length < request->scan.copied)
    km_pad_head(request, request->head_length);
  return KM_SCAN_WHOLE;
}
