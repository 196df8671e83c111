/* What the files of this room share. Nobody outside includes it. */
#pragma once
#include <uv.h>

#include "loop/loop.h"

uv_loop_t *orr_loop_uv(struct orr_loop *loop);

/* Where whatever is read on this loop lands first: what it is read for is called at once, and copies what it
   must keep. One room for ten thousand connections. */
enum { ORR_READ_ROOM = 64 * 1024 };
char *orr_loop_read_room(struct orr_loop *loop);

/* A libuv code as ours, with libuv's words. */
int orr_loop_fail(struct orr_err *err, int uv_code, const char *what);
void orr_timer_ring(struct orr_timer *timer);
