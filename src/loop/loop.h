/* One event loop, owned by one thread. Other threads reach it only through its inbox: orr_loop_post. */
#pragma once
#include "base/err.h"

struct orr_loop;

/* A message is embedded in what it carries. After the post it belongs to the receiving loop, whose thread
   calls `deliver(message)` once; deliver frees it. */
struct orr_message {
  struct orr_message *next;
  void (*deliver)(struct orr_message *message);
};

struct orr_loop *orr_loop_create(struct orr_err *err);
void orr_loop_run(struct orr_loop *loop);                               /* until orr_loop_stop */
void orr_loop_stop(struct orr_loop *loop);                              /* any thread */
void orr_loop_post(struct orr_loop *loop, struct orr_message *message); /* any thread; wakes the loop */
/* After run has returned: delivers what is still in the inbox, rings every timer early and stops it, and waits
   until every handle has closed and every message that is expected has come. */
void orr_loop_destroy(struct orr_loop *loop);
/* So many more messages (or fewer, when they have come) will certainly be posted to it. On its own thread. */
void orr_loop_expect(struct orr_loop *loop, int messages);

/* A chore: something to be done when the present turn of the loop ends, before it waits for more. So what
   callbacks leave behind one by one is dealt with at once. It is embedded in what it is about, and only the
   loop's thread touches it. Chores are run in the order in which they became due, each once. */
struct orr_chore {
  struct orr_chore *next, **link; /* `link` is what points to it; NULL: it is not due */
  void (*run)(struct orr_chore *chore);
};
void orr_loop_leave(struct orr_loop *loop, struct orr_chore *chore);  /* makes it due; legal when it is */
void orr_loop_forget(struct orr_loop *loop, struct orr_chore *chore); /* legal when it is not due */

/* Milliseconds of the monotonic clock, cached at the start of the loop's turn. */
long long orr_loop_now(struct orr_loop *loop);

/* A timer. It lives on the heap and ends by orr_timer_stop, which frees it (also inside its own callback). */
struct orr_timer;
struct orr_timer *orr_timer_start(struct orr_loop *loop, long long first_ms, long long repeat_ms,
                                  void (*ring)(void *data), void *data);
void orr_timer_again(struct orr_timer *timer, long long first_ms); /* once more, that many ms from now */
void orr_timer_stop(struct orr_timer *timer);                      /* NULL is legal */

/* Calls `arrived(number, data)` on the loop for each delivery of the signal. */
struct orr_signal;
struct orr_signal *orr_signal_start(struct orr_loop *loop, int number,
                                    void (*arrived)(int number, void *data), void *data, struct orr_err *err);
void orr_signal_stop(struct orr_signal *signal);
