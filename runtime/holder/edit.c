/* Lines of a head one by one: those whose names are dropped are left out, the parts that apply stand behind the rest. bpf/lib/http/edit.h does the same for servers on this node. */
#define _GNU_SOURCE
#include "edit.h"
#include <string.h>
#include <strings.h>

const struct km_edits *edits_of(const struct km_upstream *upstream)
{
  const struct km_edit *edit = upstream->edit ? edit_row(upstream->edit - 1) : NULL;
  if (edit == NULL || (edit->taken & ~KM_ROW_TURN) != upstream->cookie) return NULL;
  return (const struct km_edits *)edit->rows;
}

static const char *text_of(const struct km_edits *edits)
{
  return (const char *)(edits + 1);
}

/* Index of the name that a line has; -1: none that is looked for */
static int find_name(const struct km_edits *edits, const char *line, size_t length)
{
  for (int i = 0; i < edits->names && i < KM_EDIT_NAMES_MAX; i++) {
    const struct km_edit_name *name = &edits->name[i];
    if (name->length < length && line[name->length] == ':' && strncasecmp(line, text_of(edits) + name->at, name->length) == 0) return i;
  }
  return -1;
}

struct writing {
  char *out;
  size_t at, room;
};

static void put(struct writing *writing, const char *bytes, size_t length)
{
  if (length <= writing->room - writing->at) {
    memcpy(writing->out + writing->at, bytes, length);
    writing->at += length;
  } else {
    writing->room = writing->at = 0;
  }
}

static void put_part(struct writing *writing, const struct km_edits *edits, const struct km_edit_part *part, unsigned there, const char *status)
{
  int has = there >> part->name & 1;
  if (part->when != KM_EDIT_ALWAYS && has != (part->when == KM_EDIT_IF_THERE)) return;
  if (part->what == KM_EDIT_STATUS) {
    put(writing, status, strlen(status));
  } else {
    put(writing, text_of(edits) + part->at, part->length);
  }
}

size_t edit_head(const struct km_edits *edits, const char *head, size_t length, const char *status, char *out, size_t room)
{
  struct writing writing = {.out = out, .room = room};
  const char *line = head, *end = head + length - 2;
  unsigned there = 0;
  while (line < end) {
    const char *next = memmem(line, end - line, "\r\n", 2);
    size_t size = next ? (size_t)(next + 2 - line) : (size_t)(end - line);
    int found = line == head ? -1 : find_name(edits, line, size);
    if (found >= 0) there |= 1u << found;
    if (found < 0 || !(edits->name[found].how & KM_EDIT_DROP)) put(&writing, line, size);
    line += size;
  }
  for (int i = 0; i < edits->parts && i < KM_EDIT_PARTS_MAX; i++) put_part(&writing, edits, &edits->part[i], there, status);
  put(&writing, "\r\n", 2);
  return writing.room ? writing.at : 0;
}

size_t say_last(char *head, size_t length)
{
  static const char line[] = "connection: close\r\n\r\n";
  _Static_assert(sizeof(line) - 1 - 2 == LAST_LINE_BYTES, "the line, before the empty one");
  memcpy(head + length - 2, line, sizeof(line) - 1);
  return length + LAST_LINE_BYTES;
}
