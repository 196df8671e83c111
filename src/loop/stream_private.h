/* Between listen.c, which accepts streams, and stream.c, which is their life. */
#pragma once
#include "loop/stream.h"

/* Takes a connected socket over; it is closed with the stream, or at once when this fails with NULL. */
struct orr_stream *orr_stream_open(struct orr_loop *loop, int fd);
