/* A connected TCP socket. What is written gathers in `waiting` and is offered to the kernel as one when the
   loop's turn ends, or when it is much. What the kernel does not take becomes `flying`, which libuv writes,
   and what is written meanwhile gathers again and flies next: two buffers, however many small writes a slow
   peer lets pile up. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "loop/private.h"
#include "loop/stream_private.h"

enum { MOST_GATHERED = 64 * 1024 };

struct orr_stream {
  uv_tcp_t uv;
  uv_write_t write;
  uv_shutdown_t shutdown;
  struct orr_loop *loop;
  const struct orr_stream_events *events; /* NULL until started */
  void *owner;
  struct orr_buf flying, waiting;
  struct orr_chore turn_ended; /* due when there may be something to offer */
  bool ended;                  /* the peer has finished sending */
  bool broken;                 /* the owner has been told so */
  bool finishing;              /* we send no more */
};

static uv_stream_t *uv_of(const struct orr_stream *stream) { return (uv_stream_t *)&stream->uv; }
static uv_handle_t *handle_of(const struct orr_stream *stream) { return (uv_handle_t *)&stream->uv; }

static void offer(struct orr_stream *stream);

static void turn_ended(struct orr_chore *chore) {
  offer((struct orr_stream *)((char *)chore - offsetof(struct orr_stream, turn_ended)));
}

struct orr_stream *orr_stream_open(struct orr_loop *loop, int fd) {
  struct orr_stream *stream = orr_zalloc(sizeof *stream);
  stream->loop = loop;
  stream->turn_ended.run = turn_ended;
  uv_tcp_init(orr_loop_uv(loop), &stream->uv);
  stream->uv.data = stream;
  if (uv_tcp_open(&stream->uv, fd) == 0) return stream;
  close(fd);
  orr_stream_close(stream);
  return NULL;
}

static void break_off(struct orr_stream *stream, int code) {
  if (stream->broken || uv_is_closing(handle_of(stream))) return;
  stream->broken = true;
  uv_read_stop(uv_of(stream));
  stream->events->end(stream->owner, code);
}

static void give_room(uv_handle_t *handle, size_t wanted, uv_buf_t *room) {
  (void)wanted;
  struct orr_stream *stream = handle->data;
  *room = uv_buf_init(orr_loop_read_room(stream->loop), ORR_READ_ROOM);
}

static void has_read(uv_stream_t *uv, ssize_t size, const uv_buf_t *room) {
  struct orr_stream *stream = uv->data;
  if (size > 0) {
    stream->events->data(stream->owner, room->base, (size_t)size);
  } else if (size == UV_EOF) {
    stream->ended = true;
    uv_read_stop(uv);
    stream->events->end(stream->owner, 0);
  } else if (size < 0) {
    break_off(stream, (int)size);
  }
}

void orr_stream_start(struct orr_stream *stream, const struct orr_stream_events *events, void *owner) {
  stream->events = events;
  stream->owner = owner;
  orr_stream_resume(stream);
}

void orr_stream_pause(struct orr_stream *stream) { uv_read_stop(uv_of(stream)); }

void orr_stream_resume(struct orr_stream *stream) {
  if (!stream->ended && !stream->broken && !uv_is_closing(handle_of(stream)))
    uv_read_start(uv_of(stream), give_room, has_read);
}

static void has_shut(uv_shutdown_t *shutdown, int status) {
  (void)shutdown;
  (void)status; /* a failure shows on the reading side */
}

static void fly(struct orr_stream *stream);

static void has_flown(uv_write_t *write, int status) {
  struct orr_stream *stream = write->data;
  orr_buf_free(&stream->flying);
  if (status < 0) {
    orr_buf_free(&stream->waiting);
    break_off(stream, status);
  } else if (stream->waiting.size) {
    fly(stream);
  } else {
    if (stream->finishing) uv_shutdown(&stream->shutdown, uv_of(stream), has_shut);
    if (!uv_is_closing(handle_of(stream))) stream->events->drained(stream->owner);
  }
}

static void fly(struct orr_stream *stream) {
  stream->flying = stream->waiting;
  stream->waiting = (struct orr_buf){0};
  stream->write.data = stream;
  uv_buf_t bytes = uv_buf_init(stream->flying.data, (unsigned)stream->flying.size);
  uv_write(&stream->write, uv_of(stream), &bytes, 1, has_flown);
}

/* How much the kernel takes; an error comes again in has_flown, when the owner can bear it. */
static size_t try_write(struct orr_stream *stream, const void *bytes, size_t size) {
  if (stream->flying.size) return 0;
  uv_buf_t whole = uv_buf_init((char *)bytes, (unsigned)size);
  int count = uv_try_write(uv_of(stream), &whole, 1);
  return count > 0 ? (size_t)count : 0;
}

static void offer(struct orr_stream *stream) {
  struct orr_buf *waiting = &stream->waiting;
  orr_loop_forget(stream->loop, &stream->turn_ended);
  if (!waiting->size || stream->flying.size) return;
  orr_buf_drop(waiting, try_write(stream, waiting->data, waiting->size));
  if (waiting->size)
    fly(stream);
  else
    orr_buf_free(waiting);
}

bool orr_stream_write(struct orr_stream *stream, const void *bytes, size_t size) {
  if (stream->broken || stream->finishing || uv_is_closing(handle_of(stream))) return true;
  size_t taken = 0;
  bool much = stream->waiting.size + size > MOST_GATHERED;
  if (much) {
    offer(stream); /* what came first goes first */
    taken = try_write(stream, bytes, size);
  }
  orr_buf_put(&stream->waiting, (const char *)bytes + taken, size - taken);
  if (much)
    offer(stream);
  else
    orr_loop_leave(stream->loop, &stream->turn_ended);
  return !stream->flying.size;
}

size_t orr_stream_queued(const struct orr_stream *stream) {
  return stream->flying.size ? uv_stream_get_write_queue_size(uv_of(stream)) + stream->waiting.size : 0;
}

void orr_stream_finish(struct orr_stream *stream) {
  if (stream->broken || stream->finishing || uv_is_closing(handle_of(stream))) return;
  offer(stream);
  stream->finishing = true;
  if (!stream->flying.size) uv_shutdown(&stream->shutdown, uv_of(stream), has_shut);
}

void orr_stream_peer(const struct orr_stream *stream, char *out, size_t room) {
  struct sockaddr_storage address;
  int size = sizeof address;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (uv_tcp_getpeername(&stream->uv, (struct sockaddr *)&address, &size) != 0 ||
      getnameinfo((struct sockaddr *)&address, (socklen_t)size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    snprintf(out, room, "unknown");
  else
    snprintf(out, room, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void has_closed(uv_handle_t *handle) {
  struct orr_stream *stream = handle->data;
  if (stream->events) stream->events->closed(stream->owner);
  orr_buf_free(&stream->flying);
  orr_buf_free(&stream->waiting);
  free(stream);
}

void orr_stream_close(struct orr_stream *stream) {
  if (uv_is_closing(handle_of(stream))) return;
  offer(stream);
  uv_close(handle_of(stream), has_closed);
}

void orr_stream_reset(struct orr_stream *stream) {
  if (uv_is_closing(handle_of(stream))) return;
  offer(stream);
  if (uv_tcp_close_reset(&stream->uv, has_closed) != 0) uv_close(handle_of(stream), has_closed);
}
