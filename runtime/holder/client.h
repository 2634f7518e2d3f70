/* Accepted connections of clients. Each is known by the cookie of the client's own socket. */
#pragma once
#include "control.h"
#include "space.h"
#include "tables.h"
#include <sys/queue.h>

struct pump;

enum client_mode {
  CLIENT_MODE_FAST,    /* the kernel serves it; watched for bytes that it passes here, and for its end */
  CLIENT_MODE_WAITING, /* it is user space's, but an answer of the kernel is still under way */
  CLIENT_MODE_QUEUED,  /* there is no Node that could take it */
  CLIENT_MODE_HANDED,  /* Node has it */
  CLIENT_MODE_ENDING,  /* it ends once the answer that is still under way is out */
  CLIENT_MODE_LINGERING, /* it has ended for us; the client is still to close */
  CLIENT_MODES
};

/* What is to be written before anything else happens to it. */
enum client_answer { ANSWER_NONE, ANSWER_TIMEOUT, ANSWER_LOST, ANSWER_CLOSE, ANSWER_RESET };

struct client {
  struct watch watch; /* the accepted socket */
  enum client_mode mode;
  enum client_answer answer;
  int bodiless;     /* the answer is one to HEAD */
  struct km_edits *edits; /* of the head of the answer, its own; NULL: none */
  int ended;        /* the client sends no more */
  __u64 cookie;
  __u32 row;
  peer_id owner;    /* while handed */
  __u64 read;       /* bytes that user space has read of it */
  __u64 own;        /* bytes that user space has written to it */
  uint64_t fenced;  /* since when a fence is on its way through its queue, by now_ms; 0: never was one */
  __u32 fence;      /* what was carried when it was sent */
  __u64 missed;     /* the upstream that it waited for when it was last looked at, which was no more; 0: none */
  int closing;      /* its last answer was out when it was last looked at, and nobody had said so */
  int roomy;        /* its receive buffer was made larger than others */
  int overlapped;   /* it became user space's before the kernel had answered what came before */
  uint64_t lingers; /* since when, by now_ms */
  struct pump *pump; /* moves the rest of an answer */
  struct space *space;
  __u8 asked[16];
  __u8 source[16];
  __u16 asked_port;
  __u16 source_port;
  struct client *same; /* the next of its bucket */
  TAILQ_ENTRY(client) link; /* of its mode */
};
TAILQ_HEAD(client_list, client);
extern struct client_list clients_by_mode[CLIENT_MODES];

void client_open(void);
/* A connection that was just accepted; takes the descriptor */
void client_accept(int fd, struct space *space, const struct sockaddr_storage *from);
struct client *client_find(__u64 cookie);
/* The same for one that the programs have dealt with already, while it may still wait to be accepted. */
struct client *client_met(__u64 cookie);
/* Its row, NULL when the client's socket has ended */
struct km_client *client_row_of(const struct client *client);
/* It is user space's, or not: looks what can be done with it now */
void client_settle(struct client *client);
/* The kernel has answered what was under way. `last`: the connection ends with it */
void client_answered(struct client *client, int last);
/* Its answer of the kernel is lost: tells the client so once the kernel's bytes are out */
void client_fail(struct client *client, enum client_answer answer, int bodiless);
/* What becomes of the head of an answer that client_fail is to give; NULL: it stays as it is */
void client_keep_edits(struct client *client, const struct km_edits *edits);
/* Hands it to Node together with the upstream that the kernel could not frame. 0: there is no Node, or bytes are still under way */
int client_relay(struct client *client, struct km_holder_message *message, int upstream);
/* What the kernel redirected to it is not all in TCP yet */
int client_has_kernel_bytes(const struct client *client, struct km_client *row);
/* What is written now would come before bytes that the kernel has redirected to it already. They are waited for: whoever asks may ask again, or is told by client_arrived */
int client_would_be_overtaken(struct client *client, struct km_client *row);
/* What workers of the kernel had for its queue is there */
void client_arrived(struct client *client);
/* Its socket was watched for something else meanwhile */
void client_resume(struct client *client);
/* There is a Node again */
void client_requeue(struct client *client);
/* Node is done with it */
void client_returned(struct client *client, __u64 read, __u64 written);
void client_end(struct client *client, int reset);
/* Now and then: what nobody tells */
void client_sweep(void);
/* Every second: what nobody told. Programs tell of the last answer once, also of a client that was not accepted yet, and where the ring is full nobody learns of it */
void client_tend(void);
/* No more new ones: those without anything under way end */
void client_drain(void);
/* How many there are */
unsigned client_count(void);
