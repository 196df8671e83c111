/* Descriptors that a library reads and writes by itself: the loop says when they are ready. */
#pragma once
#include "loop/loop.h"

enum { ORR_READABLE = 1, ORR_WRITABLE = 2 }; /* a set of them */

struct orr_poll;
/* Calls `ready(data, what)` while the descriptor is ready for what is wanted; -1: it is broken, and not looked at any
   more. The descriptor stays the caller's, who may close it after orr_poll_stop. NULL: err says why. */
struct orr_poll *orr_poll_start(struct orr_loop *loop, int fd, int wanted,
                                void (*ready)(void *data, int what), void *data, struct orr_err *err);
void orr_poll_want(struct orr_poll *poll, int wanted);
void orr_poll_stop(struct orr_poll *poll); /* also inside its own callback; NULL is legal */
