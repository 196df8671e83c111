/* libcurl's multi interface, by sockets: it says which descriptors and which time it waits for, and is told of them. */
#include <stdlib.h>

#include "base/alloc.h"
#include "fetch/private.h"

/* A descriptor that curl waits for. */
struct orr_watched {
  struct orr_fetch *fetch;
  struct orr_poll *poll;
  curl_socket_t fd;
  struct orr_watched *next, **link;
};

static void act(struct orr_fetch *fetch, curl_socket_t fd, int what) {
  int running;
  curl_multi_socket_action(fetch->multi, fd, what, &running);
  orr_loop_leave(fetch->loop, &fetch->reap);
}

static void ready(void *data, int what) {
  struct orr_watched *watched = data;
  int flags =
      what < 0 ? CURL_CSELECT_ERR
               : (what & ORR_READABLE ? CURL_CSELECT_IN : 0) | (what & ORR_WRITABLE ? CURL_CSELECT_OUT : 0);
  act(watched->fetch, watched->fd, flags);
}

static void forget(struct orr_watched *watched) {
  *watched->link = watched->next;
  if (watched->next) watched->next->link = watched->link;
  orr_poll_stop(watched->poll);
  free(watched);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  struct orr_fetch *fetch = user;
  struct orr_watched *watched = known;
  int wanted = (what & CURL_POLL_IN ? ORR_READABLE : 0) | (what & CURL_POLL_OUT ? ORR_WRITABLE : 0);
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (watched) forget(watched);
    return 0;
  }
  if (watched) return orr_poll_want(watched->poll, wanted), 0;
  watched = orr_zalloc(sizeof *watched);
  *watched = (struct orr_watched){.fetch = fetch, .fd = fd, .next = fetch->watched, .link = &fetch->watched};
  if (fetch->watched) fetch->watched->link = &watched->next;
  fetch->watched = watched;
  watched->poll = orr_poll_start(fetch->loop, fd, wanted, ready, watched, NULL);
  if (!watched->poll) return forget(watched), -1;
  curl_multi_assign(fetch->multi, fd, watched);
  return 0;
}

static void rung(void *data) { act(data, CURL_SOCKET_TIMEOUT, 0); }

static int set_timer(CURLM *multi, long ms, void *user) {
  struct orr_fetch *fetch = user;
  (void)multi;
  if (ms >= 0 && fetch->timer) {
    orr_timer_again(fetch->timer, ms);
  } else if (ms >= 0) {
    fetch->timer = orr_timer_start(fetch->loop, ms, 0, rung, fetch);
  } else {
    orr_timer_stop(fetch->timer);
    fetch->timer = NULL;
  }
  return 0;
}

void orr_fetch_watch(struct orr_fetch *fetch) {
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
}

void orr_fetch_unwatch(struct orr_fetch *fetch) {
  while (fetch->watched) forget(fetch->watched);
  orr_timer_stop(fetch->timer);
}
