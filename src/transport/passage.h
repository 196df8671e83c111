/* Leave to run one command through a transport: an ssh connection carries only so many at once. It is asked for on a loop,
   comes back to that loop granted or refused, and is given back when the command has ended. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "transport/transport.h"

struct orr_passage {
  struct orr_message message; /* on the way: to the keeper of the connections, and home */
  struct orr_transport *transport;
  char *account; /* NULL: the service's own */
  bool file;     /* it is for a file, and not for a command */
  struct orr_loop *home;
  void (*come)(struct orr_passage *passage); /* at home, once: see `err` */
  void *user;
  struct orr_err err; /* ORR_OK: granted */
  struct orr_arena *arena;
  char **argv;           /* granted: of a shell that reads its script from its standard input … */
  const char *directory; /* … and is started here */
  bool full;             /* to be set before it is given back: the far end would not have one more */
  bool silent;           /* the same: the far end did not so much as begin in time */
  int64_t granted_at;
  struct orr_timer *patience;
  bool withdrawn;              /* the keeper has been told that it is not waited for any more … */
  struct orr_message withdraw; /* … by this */
  struct orr_master *master;   /* the keeper's */
  struct orr_passage *next;
};

/* `come` is called once, within `timeout_ms` or soon after it. */
struct orr_passage *orr_passage_ask(struct orr_transport *transport, const char *account, bool file,
                                    struct orr_loop *home, long long timeout_ms,
                                    void (*come)(struct orr_passage *passage), void *user);
/* Granted or not: frees it. At home. */
void orr_passage_leave(struct orr_passage *passage);
