#include "supervisor/door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/value.h"
#include "protocol.h"
#include "supervisor/request.h"
#include "supervisor/supervisor.h"

enum { CLIENTS_MAX = 16, OUT_MAX = 1 << 20, READ_SIZE = 256 << 10, PUSH_MAX = 5000, PUSH_MS = 5 };

/* The working directory is the state directory: a socket's path must be short, and this one is. */
static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = ORR_SOCKET_NAME};

bool orr_door_answers(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
  if (fd >= 0) close(fd);
  return connected;
}

static void client_close(struct orr_supervisor *s, struct orr_client *client) {
  TAILQ_REMOVE(&s->door.clients, client, place);
  s->door.count--;
  orr_unwatch(s->epoll, client->fd);
  close(client->fd);
  orr_buf_free(&client->in);
  orr_buf_free(&client->out);
  free(client);
}

/* Sends what can be sent; false: the client is gone. */
static bool client_send(struct orr_supervisor *s, struct orr_client *client) {
  size_t done = 0;
  while (done < client->out.size) {
    ssize_t count =
        send(client->fd, client->out.data + done, client->out.size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return false;
    if (count < 0) break;
    done += (size_t)count;
  }
  orr_buf_drop(&client->out, done);
  uint32_t events = (client->out.size ? EPOLLOUT : 0) | (client->out.size < OUT_MAX ? EPOLLIN : 0);
  orr_watch_for(s->epoll, client->fd, events, &client->watch);
  return true;
}

/* Opens a frame in `out`, to be closed by frame_end with what this returned. */
static size_t frame_begin(struct orr_supervisor *s, struct orr_buf *out, enum orr_frame_kind kind,
                          uint32_t call) {
  struct orr_frame frame = {.protocol = ORR_PROTOCOL,
                            .kind = (uint16_t)kind,
                            .call = call,
                            .live = (uint32_t)orr_jobs_live(&s->jobs),
                            .at = orr_wall_ms()};
  orr_buf_put(out, &frame, sizeof frame);
  return out->size;
}

static void frame_end(struct orr_buf *out, size_t begin) {
  uint32_t size = (uint32_t)(out->size - begin);
  memcpy(out->data + begin - sizeof(struct orr_frame), &size, sizeof size);
}

/* The change a client that was told everything until `since` has heard of last. */
static uint64_t told_until(const struct orr_jobs *jobs, int64_t since) {
  const struct orr_job *job = TAILQ_LAST(&jobs->history, orr_job_list);
  while (job && job->changed_at >= since) job = TAILQ_PREV(job, orr_job_list, history);
  return job ? job->change : 0;
}

static bool answer(struct orr_supervisor *s, struct orr_client *client, const struct orr_frame *frame,
                   const struct orrery_value *body) {
  struct orr_buf *out = &client->out;
  if (frame->kind == ORR_FRAME_RETIRE) {
    s->leaving = true;
    free(s->successor);
    s->successor = orr_strdup(orrery_text(orrery_get(body, "successor"), NULL, NULL));
    return true;
  }
  bool understood = frame->protocol == ORR_PROTOCOL;
  size_t begin = frame_begin(s, out, understood ? ORR_FRAME_REPLY : ORR_FRAME_REFUSED, frame->call);
  if (understood && frame->kind == ORR_FRAME_HELLO) {
    orr_settings_take(s, orrery_get(body, "settings"));
    client->told = told_until(&s->jobs, orrery_int(orrery_get(body, "since"), INT64_MAX));
    client->greeted = true;
  } else if (understood && (frame->kind != ORR_FRAME_REQUEST || !client->greeted)) {
    return false;
  } else if (understood) {
    orr_request(s, body, out);
  }
  frame_end(out, begin);
  return true;
}

/* Answers the whole frames that have come in; false: the client is not to be understood. */
static bool client_answer(struct orr_supervisor *s, struct orr_client *client) {
  size_t at = 0;
  bool good = true;
  struct orr_frame frame;
  while (good && client->out.size < OUT_MAX && client->in.size - at >= sizeof frame) {
    memcpy(&frame, client->in.data + at, sizeof frame);
    if (frame.size > ORR_FRAME_MAX) return false;
    if (client->in.size - at - sizeof frame < frame.size) break;
    const char *bytes = client->in.data + at + sizeof frame;
    struct orr_wire wire = {bytes, bytes + frame.size};
    struct orr_arena *arena = orr_arena_create();
    struct orrery_value *body = orr_value_map(arena);
    good = orr_wire_read_map(&wire, body) && answer(s, client, &frame, body);
    orr_arena_destroy(arena);
    at += sizeof frame + frame.size;
  }
  orr_buf_drop(&client->in, at);
  return good;
}

/* Reads what has come, or a part of it if there is `more`; false: the client is gone. */
static bool client_read(struct orr_client *client, bool *more) {
  ssize_t count = recv(client->fd, orr_buf_reserve(&client->in, READ_SIZE), READ_SIZE, MSG_DONTWAIT);
  if (count > 0) client->in.size += (size_t)count;
  *more = count == READ_SIZE;
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

/* In its turn a client is heard out. As turns come in the order in which clients had something to say, what a
   server sent before it was killed is acted on before its successor, whose line is younger, is answered: find
   must not say "absent" about a submission that still lies in a socket. */
static void client_ready(struct orr_supervisor *s, struct orr_source *source, uint32_t events) {
  struct orr_client *client = (struct orr_client *)source; /* its first member */
  bool good = true, more = events & (EPOLLIN | EPOLLHUP | EPOLLERR);
  size_t before;
  do {
    if (more) good = client_read(client, &more);
    before = client->in.size;
    good = good && client_send(s, client) && client_answer(s, client) && client_send(s, client);
  } while (good && (more || client->in.size < before) && client->out.size < OUT_MAX);
  if (!good) client_close(s, client);
}

/* Only ourselves: whoever may speak here may run programs as this account. */
static bool welcome(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

static void door_ready(struct orr_supervisor *s, struct orr_source *source, uint32_t events) {
  (void)source, (void)events;
  int fd = accept4(s->door.fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  if (s->door.count == CLIENTS_MAX || !welcome(fd)) {
    close(fd);
    return;
  }
  struct orr_client *client = orr_zalloc(sizeof *client);
  client->watch.ready = client_ready;
  client->fd = fd;
  TAILQ_INSERT_TAIL(&s->door.clients, client, place);
  s->door.count++;
  orr_watch(s->epoll, fd, EPOLLIN, &client->watch);
}

/* Appends the changes the client was not told, the oldest first. */
static void put_changes(struct orr_supervisor *s, struct orr_client *client) {
  struct orr_job *job = TAILQ_LAST(&s->jobs.history, orr_job_list), *first = NULL;
  for (; job && job->change > client->told; job = TAILQ_PREV(job, orr_job_list, history)) first = job;
  size_t begin = frame_begin(s, &client->out, ORR_FRAME_CHANGED, 0);
  orr_wire_list(&client->out, NULL);
  job = first;
  for (int i = 0; job && i < PUSH_MAX; i++, job = TAILQ_NEXT(job, history)) {
    orr_wire_int(&client->out, NULL, job->id);
    client->told = job->change;
  }
  orr_wire_end_list(&client->out);
  frame_end(&client->out, begin);
}

/* Is there something to tell the client, and does it listen? */
static bool curious(const struct orr_supervisor *s, const struct orr_client *client) {
  return client->greeted && client->out.size == 0 && client->told < s->jobs.last_change;
}

void orr_door_push(struct orr_supervisor *s) {
  struct orr_door *door = &s->door;
  struct orr_client *client, *next;
  if (door->push_at == INT64_MAX) {
    TAILQ_FOREACH(client, &door->clients, place)
    if (curious(s, client)) door->push_at = orr_boot_ms() + PUSH_MS;
    return;
  }
  if (orr_boot_ms() < door->push_at) return;
  door->push_at = INT64_MAX;
  for (client = TAILQ_FIRST(&door->clients); client; client = next) {
    next = TAILQ_NEXT(client, place);
    if (!curious(s, client)) continue;
    put_changes(s, client);
    if (!client_send(s, client)) client_close(s, client);
  }
}

int orr_door_open(struct orr_supervisor *s, struct orr_err *err) {
  struct orr_door *door = &s->door;
  TAILQ_INIT(&door->clients);
  door->push_at = INT64_MAX;
  door->watch.ready = door_ready;
  unlink(address.sun_path);
  door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (door->fd < 0 || bind(door->fd, (const struct sockaddr *)&address, sizeof address) ||
      chmod(address.sun_path, 0600) || listen(door->fd, CLIENTS_MAX))
    return orr_fail(err, ORR_IO, "the local scheduler cannot listen at its socket: %s", strerror(errno));
  orr_watch(s->epoll, door->fd, EPOLLIN, &door->watch);
  return ORR_OK;
}

void orr_door_close(struct orr_supervisor *s) {
  unlink(address.sun_path);
  close(s->door.fd);
  struct orr_client *client;
  while ((client = TAILQ_FIRST(&s->door.clients))) client_close(s, client);
}
