/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One HTTP request while it is decided: the head as it came, where its parts are, what was decided, and the head that is sent instead.
 *
 * head.h fills the first half, route.h and action.h read it and fill the second, compose.h writes `out`. Everything but head.h and the forwarding
 * programs works on this and on tables alone, whatever the program type.
 * Invariants: `head` holds `head_length` bytes, then at least KM_HEAD_PAD zero bytes, so that words may be read beyond the end. Offsets count from
 * head[0] and are below KM_HEAD_MAX; lengths never reach beyond head_length. Header values are trimmed of blanks.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../abi.gen.h"
#include "../behind.h"

#define KM_HEAD_MAX 4096
#define KM_HEAD_PAD 64
#define KM_OUT_MAX 4096
#define KM_NOWHERE 0xffff

/* flags of a head */
#define KM_HEAD_CLOSE 1
#define KM_HEAD_HAS_LENGTH 2
#define KM_HEAD_IS_HEAD 4
#define KM_HEAD_GRPC 8
/* a content-type was there */
#define KM_HEAD_TYPED 16

/*
 * One header of interest (interest.h), at the number of its name: the first line of that name. Others are noted in `again`; only conditions look at them
 * (repeated.h), whatever else wants a header to be there once is left to user space (route.h).
 */
struct km_found {
  __u16 name;   /* length of its name */
  __u16 line;   /* where its line begins */
  __u16 value;  /* where its value begins */
  __u16 length; /* of the value, without blanks at its ends */
};

/*
 * Where the matching of one request stands: keys of lookups and the state of loops. They are kept here because the first write to a place on the
 * stack is followed by a speculation barrier (state.h) and contexts of loops hold numbers only (loop.h). A field belongs to one header file.
 */
struct km_work {
  struct km_name_key name; /* name.h */
  __u32 row;               /* name.h: key of the next row */
  __u32 name_at;
  __u32 text_at;           /* name.h: texts that are compared */
  __u32 text_row;
  __u32 text_left;
  __u32 text_fold;
  __u32 hash_at;           /* text-hash.h */
  __u32 hash_fold;
  __u32 low;               /* path.h: lengths that are still possible */
  __u32 high;
  __u32 middle;
  __u32 hit;               /* path.h: the longest prefix so far: its length, text and candidates */
  __u32 hit_text;
  __u32 hit_list;
  __u32 list;              /* route.h: the row of candidates that is looked at */
  __u32 left;              /* condition.h: conditions that may still be asked */
  __u32 condition;         /* condition.h: the next one, or the answer */
  __u32 next_line;         /* condition.h: line of the value that was asked, where there are several; 0: none was */
  __u32 at;                /* condition.h: what is asked; host.h and path.h have `length`, too */
  __u32 length;
  __u32 scan;              /* query.h, condition.h, automaton.h: a walk along a text */
  __u32 scan_end;
  __u32 scan_state;
  __u32 scan_fold;
  __u32 automaton;         /* automaton.h: its first row */
  __u32 scan_text;         /* query.h, condition.h: row of the text that is looked for */
  __u64 scan_word;
  __u64 hash;              /* text-hash.h: state */
  __u64 marks;             /* text-hash.h: not 0: the text has a colon */
  __u64 words[KM_HASH_WORDS + 1]; /* path.h: state of the hash of the path before each word */
};

/* Where replacing a regex in a text of the head stands (replace.h). Places are offsets into `head`. */
struct km_replacing {
  __u32 replacer; /* its first row */
  __u32 part;     /* of the substitution: the first row, how many there are, how many are written */
  __u32 count;
  __u32 written;
  __u32 begin;    /* of the text */
  __u32 end;
  __u32 from;     /* where the search began; what is before is written */
  __u32 at;       /* the next byte */
  __u32 last;     /* where the last match ended */
  __u32 state;
  __u32 matched;  /* 1: a match is known, a longer or better one may come */
  __u32 stage;    /* KM_REPLACE_*: what the next step does */
  __u32 done;     /* 1: all is written */
  __u32 row;      /* key of the next row */
  __u16 places[32]; /* registers, behind them the places of the match */
  __u16 before[16];
};

/* Where composing a head or a reply stands (compose.h). */
#define KM_CUTS_MAX 8
struct km_acting {
  __u32 row;     /* of the next piece */
  __u32 at;      /* where the next byte goes in `out` */
  __u32 text;    /* bytes of a text that its next rows hold */
  __u32 line;    /* where the line under way begins */
  __u32 value;   /* where its value begins */
  __u16 how;     /* KM_LINE_* of it; 0: none is under way */
  __u16 slot;    /* the header whose line it is */
  __u32 skip;    /* KM_SKIP_*: what comes is left out */
  __u32 naming;  /* 1: the name of the line is written */
  __u32 from;    /* header lines that go on are copied up to here, */
  __u32 end;     /* and up to here in the end */
  __u32 index;   /* of the header that is looked at */
  __u32 failed;  /* KM_SLOW_* + 1: it cannot be composed here */
  __u32 guard;   /* guard.h: the next guard */
  __u32 reply;   /* guard.h: the action that answers */
  __u32 drew;    /* guard.h: 1: one that draws has let it pass */
  __u32 choice;  /* weighted.h: the target that is looked at */
  __u32 point;   /* weighted.h: where the choice falls */
  __u64 lanes[4]; /* xx-hash.h: of a text of 32 bytes and more */
  __u64 dropped; /* headers whose lines are cut out, by slot; bit 63: Host */
  __u32 cut_count;
  __u32 cuts[KM_CUTS_MAX]; /* their lines: begin << 16 | end; KM_NO_CUT: done */
  struct km_replacing replacing;
};

/* Where the parser stands (scan.h, head.h, framing.h). Offsets into `head`. */
struct km_head_scan {
  __u32 copied;      /* bytes of the message that are in `head` */
  __u32 at;          /* the next one to look at */
  __u32 line;        /* where the line under way begins */
  __u32 result;      /* KM_SCAN_* */
  __u32 letters;     /* of km_service: what names of interest begin with, and how long they are */
  __u32 lengths_set; /* 1: content-length was met */
  __u64 lengths;
  __u32 target_at;   /* of the walk along the target */
  __u32 target_end;
  __u32 status;      /* of a response */
  __u32 chunked;     /* of a response: 1 */
  __u32 lines;       /* headers so far */
  __u32 zeros;       /* where the zeros behind the head begin */
  __u32 value;       /* header-line.h: of the walk along the blanks of a value */
  __u32 value_end;
  __u64 length;      /* content-length of a response */
};

/* Where the request goes (claim.h). */
struct km_way {
  __u64 choice[6]; /* struct km_choice */
  __u8 address[16];
  __u16 port;
  __u16 failure; /* REASONS: why there is no endpoint; 0: none is known */
  __u32 cluster; /* state ids, and whose they were then */
  __u32 endpoint;
  __u32 cluster_incarnation;
  __u32 endpoint_incarnation;
  __u32 total; /* bytes of the message that are this request */
  struct km_pool_key key;
  __u32 pool;
  __u32 slot;
  __u64 upstream; /* cookie */
};

struct km_request {
  __u32 busy;
  __u32 slot;        /* its own row in km_scratch: functions that are verified on their own find it by that (scratch.h) */
  __u32 head_length; /* with the blank line */
  __u32 body_length;
  __u32 flags;
  __u16 method_length; /* the method begins at 0 */
  __u16 path;          /* where the target begins */
  __u16 path_length;   /* without query */
  __u16 query;         /* behind the question mark, KM_NOWHERE: none */
  __u16 query_length;
  __u16 host; /* value of Host; KM_NOWHERE: none */
  __u16 host_length;
  __u16 host_line;
  __u16 headers; /* where the first header line begins */
  __u16 connections;    /* lines of Connection */
  __u16 connection;     /* where the last of them begins */
  __u16 connection_end; /* behind its line end */
  __u64 random;  /* drawn once: everything of a request that is chosen by chance follows from it, as in Envoy */
  __u64 seen;    /* names of interest that the head has: bit n, then found[n] says where */
  __u64 again;   /* those that it has more than once */
  struct km_found found[KM_INTEREST_MAX];

  /* where the decision is made */
  __u32 epoch;
  __u32 service; /* row in km_http */
  __u64 generation;
  __u8 source[16]; /* of the client, IPv4-mapped or IPv6; zero: unknown */
  __u8 asked[16];  /* what it dialled, IPv4-mapped or IPv6 */
  __u16 source_port;
  __u16 asked_port;

  /* what was decided (route.h, action.h) */
  __u32 route;       /* row in km_http; 0: none */
  __u32 action;      /* row in km_http of what to do */
  __u32 cluster;     /* index in km_cluster, when it is forwarded */
  __u32 reason;      /* why it goes to user space, or why it is answered here */
  __u32 state;       /* state id of the route, for counters; 0: none */
  __u32 timeout;     /* milliseconds; 0: none */
  __u64 hash;        /* of the hash policy */
  __u32 hash_flags;  /* 1: hash is set */
  __u32 target;      /* row in km_http of the km_target whose cluster it is; 0: none */
  __u32 out_length;  /* bytes of `out`: the head, or the whole reply, that is sent instead; 0: as it came */
  __u32 edits;       /* row in km_http of what becomes of the head of its response (edit.h) */
  __u32 edit_rows;   /* rows of it; 0: that stays as it is */
  __u32 edit;        /* row in km_edit + 1 that has a copy; 0: none */
  __u32 keep;        /* row in km_http of the statuses after which it is tried again; 0: it is not kept (keep.h) */
  __u32 kept;        /* row in km_kept + 1 that has it; 0: none */
  __u32 drawn;       /* KM_DRAWN_*: what user space is told should it fall from here on */

  struct km_head_scan scan;
  struct km_way way;
  struct km_work work;
  struct km_acting acting;

  __u8 head[KM_HEAD_MAX + KM_HEAD_PAD];
  /* Twice the room: what is appended begins below KM_OUT_MAX and is shorter than that, which is all that the verifier has to know. */
  __u8 out[2 * KM_OUT_MAX];
};

/* What becomes of a request. */
#define KM_HTTP_FORWARD 1 /* to `cluster` */
#define KM_HTTP_REPLY 2   /* `out` is the reply */
#define KM_HTTP_SLOW 3    /* user space decides, for `reason` */
