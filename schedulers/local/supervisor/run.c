/* The loop: wait for something to happen, look into it, then do everything that follows from it. What is due
   at a time is kept as times, not as timers: there are few kinds of it. */
#include "supervisor/supervisor.h"

enum { EVENTS = 64, SETTLE_MS = 1000 };

static void due(struct orr_supervisor *s) {
  int64_t now = orr_boot_ms();
  if (now >= s->deadline_at) orr_stop_overdue(s);
  if (now >= s->login.deadline) orr_login_overdue(s);
  if (now >= s->retry_at) orr_end_owing(s);
  if (now >= s->settle_at) {
    orr_queue_settle(s);
    s->settle_at = INT64_MAX;
  }
  bool idle = orr_jobs_live(&s->jobs) == 0 && s->door.count == 0 && !TAILQ_FIRST(&s->jobs.owing);
  if (!idle) s->idle_since = INT64_MAX;
  if (idle && s->idle_since == INT64_MAX) s->idle_since = now;
  if (idle && now - s->idle_since >= s->settings.linger_ms) s->leaving = true;
  if (s->journal.dirty && s->settle_at == INT64_MAX) s->settle_at = now + SETTLE_MS;
}

/* How long to wait at most, for epoll_wait. */
static int patience(const struct orr_supervisor *s) {
  int64_t linger_at = s->idle_since == INT64_MAX ? INT64_MAX : s->idle_since + s->settings.linger_ms;
  int64_t times[] = {s->deadline_at, s->login.deadline, s->retry_at,
                     s->settle_at,   s->door.push_at,   linger_at};
  int64_t first = INT64_MAX, now = orr_boot_ms();
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i] < first) first = times[i];
  if (first == INT64_MAX) return -1;
  int64_t wait = first - now;
  return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

void orr_run(struct orr_supervisor *s) {
  struct epoll_event events[EVENTS];
  while (!s->leaving) {
    orr_queue_run(s);
    orr_door_push(s);
    orr_compact(s);
    due(s);
    if (s->leaving) return;
    int count = epoll_wait(s->epoll, events, EVENTS, patience(s));
    for (int i = 0; i < count; i++) {
      struct orr_source *source = events[i].data.ptr;
      source->ready(s, source, events[i].events);
    }
  }
}
