/* The loop and its inbox. The inbox is a lock-free stack of messages: a post pushes and, only if the stack
   was empty, wakes the loop; the loop takes the whole stack at once and turns it round, so messages of one
   sender keep their order. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "loop/private.h"

struct orr_loop {
  uv_loop_t uv;
  uv_async_t wake;
  _Atomic(struct orr_message *) inbox;
  atomic_bool stopping;
  char read_room[ORR_READ_ROOM];
};

uv_loop_t *orr_loop_uv(struct orr_loop *loop) { return &loop->uv; }

char *orr_loop_read_room(struct orr_loop *loop) { return loop->read_room; }

int orr_loop_fail(struct orr_err *err, int uv_code, const char *what) {
  enum orr_code code = ORR_IO;
  if (uv_code == UV_EADDRINUSE) code = ORR_BUSY;
  if (uv_code == UV_ENOMEM) code = ORR_NO_MEMORY;
  return orr_fail(err, code, "%s: %s", what, uv_strerror(uv_code));
}

static void deliver_all(struct orr_loop *loop) {
  struct orr_message *newest = atomic_exchange(&loop->inbox, NULL), *oldest = NULL;
  while (newest) {
    struct orr_message *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest) {
    struct orr_message *message = oldest;
    oldest = message->next;
    message->deliver(message);
  }
}

static void woken(uv_async_t *wake) {
  struct orr_loop *loop = wake->data;
  deliver_all(loop);
  if (atomic_load(&loop->stopping)) uv_stop(&loop->uv);
}

struct orr_loop *orr_loop_create(struct orr_err *err) {
  struct orr_loop *loop = orr_zalloc(sizeof *loop);
  int code = uv_loop_init(&loop->uv);
  if (code == 0) {
    loop->wake.data = loop;
    code = uv_async_init(&loop->uv, &loop->wake, woken);
    if (code == 0) return loop;
    uv_loop_close(&loop->uv);
  }
  free(loop);
  orr_loop_fail(err, code, "cannot create an event loop");
  return NULL;
}

void orr_loop_post(struct orr_loop *loop, struct orr_message *message) {
  struct orr_message *newest = atomic_load(&loop->inbox);
  do message->next = newest;
  while (!atomic_compare_exchange_weak(&loop->inbox, &newest, message));
  if (!newest) uv_async_send(&loop->wake);
}

void orr_loop_stop(struct orr_loop *loop) {
  atomic_store(&loop->stopping, true);
  uv_async_send(&loop->wake);
}

void orr_loop_run(struct orr_loop *loop) {
  if (!atomic_load(&loop->stopping)) uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void ring_early(uv_handle_t *handle, void *data) {
  (void)data;
  if (handle->type != UV_TIMER || uv_is_closing(handle)) return;
  orr_timer_ring(handle->data);
  if (!uv_is_closing(handle)) orr_timer_stop(handle->data);
}

void orr_loop_destroy(struct orr_loop *loop) {
  if (!loop) return;
  do { /* what is delivered or rung late may still begin things, and closing takes turns of the loop */
    deliver_all(loop);
    uv_walk(&loop->uv, ring_early, NULL);
    if (!uv_is_closing((uv_handle_t *)&loop->wake)) uv_close((uv_handle_t *)&loop->wake, NULL);
  } while (uv_run(&loop->uv, UV_RUN_ONCE) || atomic_load(&loop->inbox));
  if (uv_loop_close(&loop->uv) != 0)
    abort(); /* a handle was left open: a defect that must not pass quietly */
  free(loop);
}

long long orr_loop_now(struct orr_loop *loop) { return (long long)uv_now(&loop->uv); }
