/* The streams of events that are open on an API worker. See feed.c. */
#pragma once
#include <stdint.h>

#include "loop/loop.h"

struct orr_following;
struct orr_following *orr_following_create(struct orr_loop *loop, int64_t heartbeat_ms);
void orr_following_destroy(struct orr_following *following); /* after the HTTP server; NULL is legal */
