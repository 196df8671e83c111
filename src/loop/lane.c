#include "loop/lane.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

enum { THREADS = 2, MOST_QUEUED = 256, END_SECONDS = 2 };

/* How long a thread waits for more work; with the last of them goes the lane: resources come and go. */
enum { IDLE_SECONDS = 5 };

struct lane {
  char *name;
  struct orr_lanes *lanes;
  struct orr_message *first, **last;
  int queued, threads, idle;
  pthread_cond_t work, left;
  struct lane *next;
};

struct orr_lanes {
  pthread_mutex_t lock; /* guards every lane: they are few, and held for a moment only */
  struct lane *lanes;
  bool ending;
};

struct orr_lanes *orr_lanes_create(void) {
  struct orr_lanes *lanes = orr_zalloc(sizeof *lanes);
  pthread_mutex_init(&lanes->lock, NULL);
  return lanes;
}

static struct orr_work *take(struct lane *lane) {
  struct orr_message *message = lane->first;
  lane->first = message->next;
  if (!lane->first) lane->last = &lane->first;
  lane->queued--;
  return (struct orr_work *)message;
}

/* False: there is none, and none came for long. */
static bool await_work(struct lane *lane) {
  struct timespec until;
  int code = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += IDLE_SECONDS;
  lane->idle++;
  while (!lane->first && !lane->lanes->ending && code == 0)
    code = pthread_cond_timedwait(&lane->work, &lane->lanes->lock, &until);
  lane->idle--;
  return lane->first != NULL;
}

static void destroy(struct lane *lane) {
  pthread_cond_destroy(&lane->work);
  pthread_cond_destroy(&lane->left);
  free(lane->name);
  free(lane);
}

static void retire(struct lane *lane) {
  struct lane **at = &lane->lanes->lanes;
  while (*at != lane) at = &(*at)->next;
  *at = lane->next;
  destroy(lane);
}

static void *serve(void *data) {
  struct lane *lane = data;
  struct orr_lanes *lanes = lane->lanes;
  pthread_setname_np(pthread_self(), "lane");
  pthread_mutex_lock(&lanes->lock);
  while (await_work(lane)) {
    struct orr_work *work = take(lane);
    pthread_mutex_unlock(&lanes->lock);
    work->run(work);
    orr_loop_post(work->home, &work->message);
    pthread_mutex_lock(&lanes->lock);
  }
  lane->threads--;
  if (lanes->ending)
    pthread_cond_signal(&lane->left);
  else if (lane->threads == 0)
    retire(lane);
  pthread_mutex_unlock(&lanes->lock);
  return NULL;
}

static struct lane *lane_of(struct orr_lanes *lanes, const char *name) {
  for (struct lane *lane = lanes->lanes; lane; lane = lane->next)
    if (strcmp(lane->name, name) == 0) return lane;
  struct lane *lane = orr_zalloc(sizeof *lane);
  *lane = (struct lane){.name = orr_strdup(name), .lanes = lanes, .next = lanes->lanes};
  lane->last = &lane->first;
  pthread_cond_init(&lane->work, NULL);
  pthread_cond_init(&lane->left, NULL);
  return lanes->lanes = lane;
}

int orr_lanes_submit(struct orr_lanes *lanes, const char *name, struct orr_work *work, struct orr_err *err) {
  pthread_mutex_lock(&lanes->lock);
  struct lane *lane = lane_of(lanes, name);
  if (lane->queued >= MOST_QUEUED || lanes->ending) {
    pthread_mutex_unlock(&lanes->lock);
    return orr_fail(err, ORR_BUSY, "the file system of resource %s does not keep up or does not answer",
                    name);
  }
  work->message.next = NULL;
  *lane->last = &work->message;
  lane->last = &work->message.next;
  lane->queued++;
  pthread_t thread;
  if (lane->idle == 0 && lane->threads < THREADS && pthread_create(&thread, NULL, serve, lane) == 0) {
    pthread_detach(thread);
    lane->threads++;
  }
  pthread_cond_signal(&lane->work);
  pthread_mutex_unlock(&lanes->lock);
  return ORR_OK;
}

bool orr_lanes_destroy(struct orr_lanes *lanes) {
  if (!lanes) return true;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += END_SECONDS;
  bool stuck = false;
  pthread_mutex_lock(&lanes->lock);
  lanes->ending = true;
  for (struct lane *lane = lanes->lanes; lane; lane = lane->next) {
    pthread_cond_broadcast(&lane->work);
    while (lane->threads && pthread_cond_timedwait(&lane->left, &lanes->lock, &until) == 0) continue;
    if (lane->threads) stuck = true;
  }
  pthread_mutex_unlock(&lanes->lock);
  if (stuck) return false; /* its threads still use all this */
  while (lanes->lanes) {
    struct lane *lane = lanes->lanes;
    lanes->lanes = lane->next;
    destroy(lane);
  }
  pthread_mutex_destroy(&lanes->lock);
  free(lanes);
  return true;
}
