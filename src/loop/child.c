#include "loop/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/private.h"

/* The parts of a child that close on their own: the process, two pipes. `ended` comes when all have. */
struct orr_child {
  uv_process_t process;
  uv_pipe_t out, err;
  struct orr_timer *deadline;
  struct orr_child_result result;
  size_t most_output;
  int open; /* handles not yet closed */
  void (*ended)(void *data, struct orr_child_result *result);
  void *data;
  char chunk[16384];
};

static void handle_closed(uv_handle_t *handle) {
  struct orr_child *child = handle->data;
  if (--child->open > 0) return;
  orr_timer_stop(child->deadline);
  if (child->ended) child->ended(child->data, &child->result);
  orr_buf_free(&child->result.out);
  orr_buf_free(&child->result.err);
  free(child);
}

static void close_handle(void *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, handle_closed);
}

static void chunk_for(uv_handle_t *handle, size_t wanted, uv_buf_t *buf) {
  (void)wanted;
  struct orr_child *child = handle->data;
  *buf = uv_buf_init(child->chunk, sizeof child->chunk);
}

static void output(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
  struct orr_child *child = stream->data;
  struct orr_buf *into = stream == (uv_stream_t *)&child->out ? &child->result.out : &child->result.err;
  if (size < 0) {
    close_handle(stream);
    return;
  }
  size_t room = child->most_output - into->size, taken = (size_t)size < room ? (size_t)size : room;
  orr_buf_put(into, buf->base, taken);
  if (taken < (size_t)size) child->result.cut = true;
}

static void exited(uv_process_t *process, int64_t exit_code, int number) {
  struct orr_child *child = process->data;
  child->result.exit_code = number ? -1 : (int)exit_code;
  child->result.signal = number;
  close_handle(process);
}

/* A file in memory, and no pipe: should we die, a program reads all of its input, or has not been started; half a script
   would be a script as well. */
static int input_of(const struct orr_child_options *options, struct orr_err *err) {
  int fd = memfd_create("input", MFD_CLOEXEC);
  const char *left = options->input;
  size_t size = fd >= 0 ? options->input_size : 0;
  while (size > 0) {
    ssize_t written = write(fd, left, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    left += written;
    size -= (size_t)written;
  }
  if (fd >= 0 && size == 0 && lseek(fd, 0, SEEK_SET) == 0) return fd;
  orr_fail(err, ORR_IO, "cannot hold the input of %s: %s", options->argv[0], strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

void orr_child_kill(struct orr_child *child) {
  if (child->process.pid > 0) kill(-child->process.pid, SIGKILL);
}

static void timed_out(void *data) {
  struct orr_child *child = data;
  orr_timer_stop(child->deadline);
  child->deadline = NULL;
  child->result.timed_out = true;
  orr_child_kill(child);
  close_handle(&child->out); /* a descendant that left the group may hold them open */
  close_handle(&child->err);
}

static void open_pipe(uv_loop_t *uv, uv_pipe_t *pipe, struct orr_child *child) {
  uv_pipe_init(uv, pipe, 0);
  pipe->data = child;
  child->open++;
}

struct orr_child *orr_child_start(struct orr_loop *loop, const struct orr_child_options *options,
                                  void (*ended)(void *data, struct orr_child_result *result), void *data,
                                  struct orr_err *err) {
  static char *const nothing[] = {NULL};
  uv_loop_t *uv = orr_loop_uv(loop);
  int input = input_of(options, err);
  if (input < 0) return NULL;
  struct orr_child *child = orr_zalloc(sizeof *child);
  child->most_output = options->most_output;
  open_pipe(uv, &child->out, child);
  open_pipe(uv, &child->err, child);
  uv_stdio_container_t stdio[4] = {
      {.flags = UV_INHERIT_FD, .data.fd = input},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->err},
      {.flags = UV_INHERIT_FD, .data.fd = options->held}};
  uv_process_options_t process = {.exit_cb = exited,
                                  .file = options->argv[0],
                                  .args = (char **)options->argv,
                                  .env = (char **)(options->environment ? options->environment : nothing),
                                  .cwd = options->directory ? options->directory : "/",
                                  .flags = UV_PROCESS_DETACHED, /* a group of its own, to be killed as one */
                                  .stdio_count = options->held ? 4 : 3,
                                  .stdio = stdio};
  child->process.data = child;
  child->open++;
  int code = uv_spawn(uv, &child->process, &process);
  close(input);
  if (code != 0) {
    orr_loop_fail(err, code, options->argv[0]);
    close_handle(&child->process);
    close_handle(&child->out);
    close_handle(&child->err);
    return NULL; /* `ended` was not set: the handles close without a word */
  }
  child->ended = ended;
  child->data = data;
  child->deadline = orr_timer_start(loop, options->timeout_ms, 0, timed_out, child);
  uv_read_start((uv_stream_t *)&child->out, chunk_for, output);
  uv_read_start((uv_stream_t *)&child->err, chunk_for, output);
  return child;
}
