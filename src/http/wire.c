/* The wire over a TCP stream of loop/. */
#include "http/wire.h"

#include "loop/stream.h"

static bool over_write(void *carrier, const void *bytes, size_t size) {
  return orr_stream_write(carrier, bytes, size);
}
static size_t over_queued(void *carrier) { return orr_stream_queued(carrier); }
static void over_pause(void *carrier) { orr_stream_pause(carrier); }
static void over_resume(void *carrier) { orr_stream_resume(carrier); }
static void over_finish(void *carrier) { orr_stream_finish(carrier); }
static void over_close(void *carrier) { orr_stream_close(carrier); }
static void over_reset(void *carrier) { orr_stream_reset(carrier); }
static void over_peer(void *carrier, char *out, size_t room) { orr_stream_peer(carrier, out, room); }

const struct orr_wire_ops orr_wire_stream = {
    .write = over_write,
    .queued = over_queued,
    .pause = over_pause,
    .resume = over_resume,
    .finish = over_finish,
    .close = over_close,
    .reset = over_reset,
    .peer = over_peer,
};
