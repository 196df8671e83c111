#include "loop/poll.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "loop/private.h"

struct orr_poll {
  uv_poll_t uv;
  void (*ready)(void *data, int what);
  void *data;
};

static void became_ready(uv_poll_t *uv, int status, int events) {
  struct orr_poll *poll = uv->data;
  if (status < 0) {
    uv_poll_stop(uv); /* or it would be told for ever */
    poll->ready(poll->data, -1);
    return;
  }
  int what =
      (events & (UV_READABLE | UV_DISCONNECT) ? ORR_READABLE : 0) | (events & UV_WRITABLE ? ORR_WRITABLE : 0);
  poll->ready(poll->data, what);
}

static void closed(uv_handle_t *handle) { free(handle->data); }

struct orr_poll *orr_poll_start(struct orr_loop *loop, int fd, int wanted,
                                void (*ready)(void *data, int what), void *data, struct orr_err *err) {
  struct orr_poll *poll = orr_alloc(sizeof *poll);
  poll->ready = ready;
  poll->data = data;
  int code = uv_poll_init(orr_loop_uv(loop), &poll->uv, fd);
  if (code != 0) {
    free(poll);
    orr_loop_fail(err, code, "cannot watch a descriptor");
    return NULL;
  }
  poll->uv.data = poll;
  orr_poll_want(poll, wanted);
  return poll;
}

/* That the other side has gone is news for readers: they find out by reading. */
void orr_poll_want(struct orr_poll *poll, int wanted) {
  int events =
      (wanted & ORR_READABLE ? UV_READABLE | UV_DISCONNECT : 0) | (wanted & ORR_WRITABLE ? UV_WRITABLE : 0);
  uv_poll_start(&poll->uv, events, became_ready);
}

void orr_poll_stop(struct orr_poll *poll) {
  if (poll) uv_close((uv_handle_t *)&poll->uv, closed);
}
