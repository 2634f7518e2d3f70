/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lines of a chunked body (RFC 9112, 7.1), byte by byte. In: one byte and the state in km_upstream (phase, remaining, line). Out: the next state; 1 where the
 * body is malformed: only plain hexadecimal sizes and CR LF are lines. Programs and the holder read with this, so it needs nothing of the kernel.
 */
#pragma once
#include "../abi.gen.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define KM_CHUNK_DIGITS 8
/* km_upstream.line, of a size line: digits so far, an extension, the carriage return; of a trailer: bytes so far */
#define KM_LINE_DIGITS 0xff
#define KM_LINE_EXTENSION 0x100
#define KM_LINE_RETURN 0x10000

static __always_inline __u32 km_hex_digit(__u32 character)
{
  if (character - '0' <= 9)
    return character - '0';
  character |= 0x20;
  return character - 'a' <= 5 ? character - 'a' + 10 : 16;
}

/* 0, or it is broken. */
static __always_inline int km_chunk_size_byte(struct km_upstream *upstream, __u32 character)
{
  __u32 line = upstream->line;
  if (line & KM_LINE_RETURN) {
    upstream->line = 0;
    upstream->phase = upstream->remaining ? KM_RESPONSE_CHUNK_DATA : KM_RESPONSE_TRAILER;
    return character != '\n';
  }
  if (character == '\r') {
    upstream->line = line | KM_LINE_RETURN;
    return !(line & KM_LINE_DIGITS);
  }
  if (line & KM_LINE_EXTENSION)
    return character == '\n';
  __u32 digit = km_hex_digit(character);
  if (digit > 15) {
    upstream->line = line | KM_LINE_EXTENSION;
    return character != ';' && character != ' ' && character != '\t';
  }
  upstream->remaining = upstream->remaining << 4 | digit;
  upstream->line = line + 1;
  return (line & KM_LINE_DIGITS) >= KM_CHUNK_DIGITS;
}

static __always_inline int km_chunk_end_byte(struct km_upstream *upstream, __u32 character)
{
  if (!upstream->line) {
    upstream->line = KM_LINE_RETURN;
    return character != '\r';
  }
  upstream->line = 0;
  upstream->remaining = 0;
  upstream->phase = KM_RESPONSE_CHUNK_SIZE;
  return character != '\n';
}

static __always_inline int km_trailer_byte(struct km_upstream *upstream, __u32 character, __u32 *complete)
{
  __u32 line = upstream->line;
  if (line & KM_LINE_RETURN) {
    *complete = line == KM_LINE_RETURN;
    upstream->line = 0;
    return character != '\n';
  }
  if (character == '\r')
    upstream->line = line | KM_LINE_RETURN;
  else
    upstream->line = (line + 1) & (KM_LINE_RETURN - 1);
  return character == '\n';
}
