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
  uv_prepare_t about_to_wait;
  _Atomic(struct orr_message *) inbox;
  atomic_bool stopping;
  int expected;                           /* messages */
  struct orr_chore *chores, **last_chore; /* due when the turn ends */
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

void orr_loop_leave(struct orr_loop *loop, struct orr_chore *chore) {
  if (chore->link) return;
  chore->next = NULL;
  chore->link = loop->last_chore;
  *loop->last_chore = chore;
  loop->last_chore = &chore->next;
}

void orr_loop_forget(struct orr_loop *loop, struct orr_chore *chore) {
  if (!chore->link) return;
  *chore->link = chore->next;
  *(chore->next ? &chore->next->link : &loop->last_chore) = chore->link;
  chore->link = NULL;
}

static void end_turn(struct orr_loop *loop) {
  while (loop->chores) {
    struct orr_chore *chore = loop->chores;
    orr_loop_forget(loop, chore);
    chore->run(chore);
  }
}

static void turn_ended(uv_prepare_t *about_to_wait) { end_turn(about_to_wait->data); }

struct orr_loop *orr_loop_create(struct orr_err *err) {
  struct orr_loop *loop = orr_zalloc(sizeof *loop);
  loop->last_chore = &loop->chores;
  int code = uv_loop_init(&loop->uv);
  if (code == 0) {
    loop->wake.data = loop->about_to_wait.data = loop;
    code = uv_async_init(&loop->uv, &loop->wake, woken);
    if (code == 0) {
      uv_prepare_init(&loop->uv, &loop->about_to_wait);
      uv_prepare_start(&loop->about_to_wait, turn_ended);
      return loop;
    }
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

void orr_loop_expect(struct orr_loop *loop, int messages) { loop->expected += messages; }

void orr_loop_run(struct orr_loop *loop) {
  if (!atomic_load(&loop->stopping)) uv_run(&loop->uv, UV_RUN_DEFAULT);
  end_turn(loop);
}

static void ring_early(uv_handle_t *handle, void *data) {
  (void)data;
  if (handle->type != UV_TIMER || uv_is_closing(handle)) return;
  orr_timer_ring(handle->data);
  if (!uv_is_closing(handle)) orr_timer_stop(handle->data);
}

static void close_own(struct orr_loop *loop) {
  if (uv_is_closing((uv_handle_t *)&loop->wake)) return;
  uv_close((uv_handle_t *)&loop->wake, NULL);
  uv_close((uv_handle_t *)&loop->about_to_wait, NULL);
}

void orr_loop_destroy(struct orr_loop *loop) {
  if (!loop) return;
  do { /* what is delivered or rung late may still begin things, and closing takes turns of the loop */
    deliver_all(loop);
    uv_walk(&loop->uv, ring_early, NULL);
    end_turn(loop);
    if (!loop->expected) close_own(loop);
  } while (uv_run(&loop->uv, UV_RUN_ONCE) || atomic_load(&loop->inbox));
  if (uv_loop_close(&loop->uv) != 0)
    abort(); /* a handle was left open: a defect that must not pass quietly */
  free(loop);
}

long long orr_loop_now(struct orr_loop *loop) { return (long long)uv_now(&loop->uv); }
