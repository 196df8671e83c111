#include "plugin/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "plugin/connect.h"
#include "protocol.h"
#include "wire.h"

enum { READ_SIZE = 64 << 10, RETRY_FIRST_MS = 100, RETRY_MAX_MS = 5000, MISSED_MS = 2000 };

struct orr_link {
  struct orr_link_options options;
  pthread_t thread;
  pthread_mutex_t mutex; /* over all that follows, but for the thread's own */
  pthread_cond_t moved;  /* something of it changed */
  bool closing;
  bool wanted;               /* a verb needs the line */
  bool ready;                /* the supervisor has answered our HELLO */
  bool sending;              /* a verb is writing to the socket: it must not be closed so long */
  int socket;                /* -1: no line */
  unsigned lines, failures;  /* lines that ended, attempts that failed */
  char problem[ORR_PROBLEM]; /* why the last one failed */
  uint32_t call;             /* number of the last request */
  bool waiting, answered;    /* for its reply; it is there */
  struct orr_buf reply;
  /* The thread's own. */
  struct orr_buf in;
  uint32_t live; /* jobs the supervisor had when it last spoke */
  int64_t since; /* when that was, by the wall clock */
};

/* --- the thread -------------------------------------------------------------------------------------- */

static bool send_all(int fd, const char *data, size_t size, int64_t deadline) {
  for (size_t done = 0; done < size;) {
    ssize_t count = send(fd, data + done, size - done, MSG_NOSIGNAL);
    if (count > 0) done += (size_t)count;
    bool again = count < 0 && (errno == EINTR || errno == EAGAIN);
    if (count < 0 && (!again || orr_clock_ms() >= deadline)) return false;
  }
  return true;
}

static bool send_frame(int fd, enum orr_frame_kind kind, uint32_t call, const struct orr_buf *body,
                       int64_t deadline) {
  struct orr_frame frame = {
      .size = (uint32_t)body->size, .protocol = ORR_PROTOCOL, .kind = (uint16_t)kind, .call = call};
  return send_all(fd, (const char *)&frame, sizeof frame, deadline) &&
         send_all(fd, body->data, body->size, deadline);
}

static void greet(struct orr_link *link, int fd) {
  const struct orr_link_options *options = &link->options;
  struct orr_buf body = {0};
  orr_wire_map(&body, NULL);
  orr_wire_map(&body, "settings");
  orr_wire_int(&body, "cores", options->cores);
  orr_wire_real(&body, "kill_grace", options->kill_grace);
  orr_wire_real(&body, "linger", options->linger);
  orr_wire_end_map(&body);
  orr_wire_int(&body, "since", link->since - MISSED_MS);
  orr_wire_end_map(&body);
  if (!send_frame(fd, ORR_FRAME_HELLO, 0, &body, 0)) shutdown(fd, SHUT_RDWR);
  orr_buf_free(&body);
}

/* A supervisor of another age: ours takes its place, and its jobs over. */
static void retire(struct orr_link *link, int fd) {
  struct orr_buf body = {0};
  orrery_log(link->options.host, ORRERY_INFO, "the supervisor speaks another protocol; replacing it");
  orr_wire_map(&body, NULL);
  orr_wire_text(&body, "successor", link->options.supervisor);
  orr_wire_end_map(&body);
  send_frame(fd, ORR_FRAME_RETIRE, 0, &body, 0);
  orr_buf_free(&body);
}

static bool tell_changes(struct orr_link *link, struct orr_wire in) {
  int64_t number;
  char id[24];
  if (!orr_wire_enter_list(&in)) return false;
  while (orr_wire_more(&in)) {
    if (!orr_wire_read_int(&in, &number)) return false;
    snprintf(id, sizeof id, "%lld", (long long)number);
    orrery_changed(link->options.host, id);
  }
  return true;
}

/* The answer to HELLO (call 0) makes the line ready; any other is for a verb, if that still waits. */
static void take_reply(struct orr_link *link, uint32_t call, const char *body, size_t size) {
  pthread_mutex_lock(&link->mutex);
  if (call == 0) {
    link->ready = true;
  } else if (link->waiting && call == link->call) {
    link->reply.size = 0;
    orr_buf_put(&link->reply, body, size);
    link->answered = true;
  }
  pthread_cond_broadcast(&link->moved);
  pthread_mutex_unlock(&link->mutex);
}

static bool take_frame(struct orr_link *link, int fd, const struct orr_frame *frame, const char *body) {
  link->live = frame->live;
  link->since = frame->at;
  switch (frame->kind) {
  case ORR_FRAME_REPLY: take_reply(link, frame->call, body, frame->size); return true;
  case ORR_FRAME_CHANGED: return tell_changes(link, (struct orr_wire){body, body + frame->size});
  case ORR_FRAME_REFUSED: retire(link, fd); return true;
  default: return false;
  }
}

/* Takes the whole frames that have come in; false: nonsense. */
static bool take_frames(struct orr_link *link, int fd) {
  struct orr_frame frame;
  size_t at = 0;
  bool good = true;
  while (good && link->in.size - at >= sizeof frame) {
    memcpy(&frame, link->in.data + at, sizeof frame);
    if (link->in.size - at - sizeof frame < frame.size) break;
    good = take_frame(link, fd, &frame, link->in.data + at + sizeof frame);
    at += sizeof frame + frame.size;
  }
  orr_buf_drop(&link->in, at);
  return good;
}

static void listen_until_end(struct orr_link *link, int fd) {
  link->in.size = 0;
  for (bool good = true; good;) {
    ssize_t count = recv(fd, orr_buf_reserve(&link->in, READ_SIZE), READ_SIZE, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    link->in.size += (size_t)count;
    good = take_frames(link, fd);
  }
}

static struct timespec timespec_of(int64_t ms) {
  return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

/* The mutex is held. Waits before trying again, unless a verb does not want to. */
static void back_off(struct orr_link *link, int64_t ms) {
  struct timespec until = timespec_of(orr_clock_ms() + ms);
  int code = 0;
  while (!link->closing && !link->wanted && code == 0)
    code = pthread_cond_timedwait(&link->moved, &link->mutex, &until);
}

/* The mutex is held, but not while it works. */
static void hold_line(struct orr_link *link, int fd) {
  link->socket = fd;
  pthread_mutex_unlock(&link->mutex);
  greet(link, fd);
  listen_until_end(link, fd);
  pthread_mutex_lock(&link->mutex);
  link->ready = false;
  link->lines++;
  pthread_cond_broadcast(&link->moved);
  shutdown(fd, SHUT_RDWR);
  while (link->sending) pthread_cond_wait(&link->moved, &link->mutex);
  link->socket = -1;
  close(fd);
}

static void *work(void *data) {
  struct orr_link *link = data;
  int64_t wait = RETRY_FIRST_MS;
  pthread_mutex_lock(&link->mutex);
  while (!link->closing) {
    if (!link->wanted && !link->live) {
      pthread_cond_wait(&link->moved, &link->mutex);
      continue;
    }
    pthread_mutex_unlock(&link->mutex);
    char problem[ORR_PROBLEM];
    int fd = orr_connect(link->options.state, link->options.supervisor, problem);
    pthread_mutex_lock(&link->mutex);
    if (fd >= 0) {
      wait = RETRY_FIRST_MS;
      hold_line(link, fd);
      continue;
    }
    memcpy(link->problem, problem, sizeof problem);
    link->failures++;
    link->wanted = false;
    pthread_cond_broadcast(&link->moved);
    back_off(link, wait);
    if (wait < RETRY_MAX_MS) wait *= 2;
  }
  pthread_mutex_unlock(&link->mutex);
  return NULL;
}

/* --- the verbs' side --------------------------------------------------------------------------------- */

struct orr_link *orr_link_open(const struct orr_link_options *options) {
  struct orr_link *link = orr_zalloc(sizeof *link);
  link->options = *options;
  link->socket = -1;
  link->since = orr_wall_ms();
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&link->moved, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&link->mutex, NULL);
  if (pthread_create(&link->thread, NULL, work, link) == 0) return link;
  pthread_cond_destroy(&link->moved);
  pthread_mutex_destroy(&link->mutex);
  free(link);
  return NULL;
}

void orr_link_close(struct orr_link *link) {
  pthread_mutex_lock(&link->mutex);
  link->closing = true;
  if (link->socket >= 0) shutdown(link->socket, SHUT_RDWR);
  pthread_cond_broadcast(&link->moved);
  pthread_mutex_unlock(&link->mutex);
  pthread_join(link->thread, NULL);
  pthread_cond_destroy(&link->moved);
  pthread_mutex_destroy(&link->mutex);
  orr_buf_free(&link->reply);
  orr_buf_free(&link->in);
  free(link);
}

/* The mutex is held. False: the deadline has passed. */
static bool wait_for_move(struct orr_link *link, int64_t deadline) {
  struct timespec until = timespec_of(deadline);
  return pthread_cond_timedwait(&link->moved, &link->mutex, &until) == 0;
}

/* The mutex is held. */
static bool await_line(struct orr_link *link, int64_t deadline, char problem[ORR_PROBLEM]) {
  unsigned failures = link->failures;
  link->wanted = true;
  pthread_cond_broadcast(&link->moved);
  while (!link->ready && failures == link->failures && wait_for_move(link, deadline)) continue;
  link->wanted = false;
  if (failures == link->failures)
    snprintf(problem, ORR_PROBLEM, "the local scheduler's supervisor does not answer");
  else
    memcpy(problem, link->problem, ORR_PROBLEM);
  return link->ready;
}

/* The mutex is held, but not while it works. */
static void send_request(struct orr_link *link, const struct orr_buf *request, int64_t deadline) {
  int fd = link->socket;
  if (++link->call == 0) link->call = 1; /* 0 is HELLO's */
  uint32_t call = link->call;
  link->waiting = link->sending = true;
  link->answered = false;
  pthread_mutex_unlock(&link->mutex);
  bool sent = send_frame(fd, ORR_FRAME_REQUEST, call, request, deadline);
  if (!sent) shutdown(fd, SHUT_RDWR); /* half a frame: nothing can follow it */
  pthread_mutex_lock(&link->mutex);
  link->sending = false;
  pthread_cond_broadcast(&link->moved);
}

enum orr_answer orr_link_ask(struct orr_link *link, const struct orr_buf *request, int64_t deadline,
                             struct orr_buf *reply, char problem[ORR_PROBLEM]) {
  enum orr_answer answer = ORR_NOT_ASKED;
  pthread_mutex_lock(&link->mutex);
  if (await_line(link, deadline, problem)) {
    unsigned line = link->lines;
    send_request(link, request, deadline);
    while (!link->answered && line == link->lines && wait_for_move(link, deadline)) continue;
    answer = link->answered ? ORR_ANSWERED : ORR_NO_ANSWER;
    link->waiting = false; /* an answer that comes now comes too late */
  }
  if (answer == ORR_ANSWERED) {
    struct orr_buf old = *reply;
    *reply = link->reply;
    link->reply = old;
  }
  pthread_mutex_unlock(&link->mutex);
  return answer;
}
