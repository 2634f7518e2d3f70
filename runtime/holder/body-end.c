/* Framing of response bodies whose head the programs have read. */
#include "body-end.h"
#include "../../bpf/lib/http/chunk.h"

static size_t take(struct km_upstream *row, size_t size)
{
  size_t taken = row->remaining < size ? row->remaining : size;
  row->remaining -= taken;
  return taken;
}

/* 1: malformed */
static int read_byte(struct km_upstream *row, __u8 byte, int *complete)
{
  __u32 last = 0;
  int broken;
  if (row->phase == KM_RESPONSE_CHUNK_SIZE) return km_chunk_size_byte(row, byte);
  if (row->phase == KM_RESPONSE_CHUNK_END) return km_chunk_end_byte(row, byte);
  broken = km_trailer_byte(row, byte, &last);
  *complete = last;
  return broken;
}

static size_t chunked_end(struct km_upstream *row, const __u8 *bytes, size_t size, int *complete)
{
  size_t at = 0;
  while (at < size && !*complete) {
    if (row->phase != KM_RESPONSE_CHUNK_DATA) {
      if (read_byte(row, bytes[at++], complete)) return 0;
      continue;
    }
    at += take(row, size - at);
    if (row->remaining == 0) row->phase = KM_RESPONSE_CHUNK_END;
  }
  return at;
}

size_t body_end(struct km_upstream *row, const __u8 *bytes, size_t size, int *complete)
{
  size_t taken;
  *complete = 0;
  switch (row->phase) {
  case KM_RESPONSE_UNTIL_CLOSE:
    return size;
  case KM_RESPONSE_LENGTH:
    taken = take(row, size);
    *complete = row->remaining == 0;
    return taken;
  case KM_RESPONSE_CHUNK_SIZE:
  case KM_RESPONSE_CHUNK_DATA:
  case KM_RESPONSE_CHUNK_END:
  case KM_RESPONSE_TRAILER:
    return chunked_end(row, bytes, size, complete);
  }
  return 0;
}
