/* Signals, delivered as callbacks of one loop. */
#include <stdlib.h>

#include "base/alloc.h"
#include "loop/private.h"

struct orr_signal {
  uv_signal_t uv;
  void (*arrived)(int number, void *data);
  void *data;
};

static void received(uv_signal_t *uv, int number) {
  struct orr_signal *signal = uv->data;
  signal->arrived(number, signal->data);
}

static void closed(uv_handle_t *handle) { free(handle->data); }

struct orr_signal *orr_signal_start(struct orr_loop *loop, int number,
                                    void (*arrived)(int number, void *data), void *data,
                                    struct orr_err *err) {
  struct orr_signal *signal = orr_alloc(sizeof *signal);
  signal->arrived = arrived;
  signal->data = data;
  uv_signal_init(orr_loop_uv(loop), &signal->uv);
  signal->uv.data = signal;
  int code = uv_signal_start(&signal->uv, received, number);
  if (code == 0) return signal;
  orr_loop_fail(err, code, "cannot watch a signal");
  orr_signal_stop(signal);
  return NULL;
}

void orr_signal_stop(struct orr_signal *signal) {
  if (signal) uv_close((uv_handle_t *)&signal->uv, closed);
}
