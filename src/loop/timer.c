/* Timers: a libuv handle on the heap, freed in its close callback. */
#include <stdlib.h>

#include "base/alloc.h"
#include "loop/private.h"

struct orr_timer {
  uv_timer_t uv;
  void (*ring)(void *data);
  void *data;
};

void orr_timer_ring(struct orr_timer *timer) { timer->ring(timer->data); }

static void rung(uv_timer_t *uv) { orr_timer_ring(uv->data); }

static void closed(uv_handle_t *handle) { free(handle->data); }

struct orr_timer *orr_timer_start(struct orr_loop *loop, long long first_ms, long long repeat_ms,
                                  void (*ring)(void *data), void *data) {
  struct orr_timer *timer = orr_alloc(sizeof *timer);
  timer->ring = ring;
  timer->data = data;
  uv_timer_init(orr_loop_uv(loop), &timer->uv);
  timer->uv.data = timer;
  uv_update_time(orr_loop_uv(loop)); /* after a long turn "now" would lie in the past */
  uv_timer_start(&timer->uv, rung, (uint64_t)first_ms, (uint64_t)repeat_ms);
  return timer;
}

void orr_timer_again(struct orr_timer *timer, long long first_ms) {
  uv_timer_start(&timer->uv, rung, (uint64_t)first_ms, uv_timer_get_repeat(&timer->uv));
}

void orr_timer_stop(struct orr_timer *timer) {
  if (timer) uv_close((uv_handle_t *)&timer->uv, closed);
}
