#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/private.h"
#include "loop/spawn.h"

/* The parts of a child that close on their own: the process, two pipes, or three. `ended` comes when all have. */
struct orr_child {
  struct orr_loop *loop;
  pid_t pid;
  int process; /* its pidfd, which can be read when it has ended */
  uv_poll_t watch;
  uv_pipe_t out, err, in;
  bool fed; /* there is `in` */
  uv_shutdown_t finish;
  struct orr_timer *deadline;
  struct orr_child_result result;
  size_t most_output;
  int open; /* handles not yet closed */
  void (*said)(void *data, const char *bytes, size_t size);
  void (*drained)(void *data);
  void (*ended)(void *data, struct orr_child_result *result);
  void *data;
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

static void close_input(struct orr_child *child) {
  if (child->fed) close_handle(&child->in);
}

static void chunk_for(uv_handle_t *handle, size_t wanted, uv_buf_t *buf) {
  (void)wanted;
  *buf = uv_buf_init(orr_loop_read_room(((struct orr_child *)handle->data)->loop), ORR_READ_ROOM);
}

static void output(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
  struct orr_child *child = stream->data;
  struct orr_buf *into = stream == (uv_stream_t *)&child->out ? &child->result.out : &child->result.err;
  if (size < 0) close_handle(stream);
  if (size <= 0) return; /* 0: there was nothing to read after all */
  if (child->said && stream == (uv_stream_t *)&child->out) {
    child->said(child->data, buf->base, (size_t)size);
    return;
  }
  size_t room = child->most_output - into->size, taken = (size_t)size < room ? (size_t)size : room;
  orr_buf_put(into, buf->base, taken);
  if (taken < (size_t)size) child->result.cut = true;
}

static void exited(uv_poll_t *watch, int status, int events) {
  struct orr_child *child = watch->data;
  int how = 0;
  (void)status, (void)events;
  waitpid(child->pid, &how, 0);
  child->result.exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
  child->result.signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
  close_handle(watch);
  close(child->process);
  close_input(child);
}

/* A file in memory, and no pipe: should we die, a program reads all of its input, or has not been started; half a script
   would be a script as well. */
static int input_of(const struct orr_child_options *options, struct orr_err *err) {
  if (options->input_fd) {
    int copy = fcntl(options->input_fd, F_DUPFD_CLOEXEC, 3);
    return copy >= 0
               ? copy
               : orr_fail(err, ORR_IO, "cannot give %s its input: %s", options->argv[0], strerror(errno));
  }
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

/* --- a standard input that is written to --- */

struct piece {
  uv_write_t write;
  struct orr_child *child;
  char bytes[];
};

static void piece_taken(uv_write_t *write, int status) {
  struct piece *piece = (struct piece *)write;
  struct orr_child *child = piece->child;
  free(piece);
  if (status < 0) close_input(child); /* it reads no more */
  bool waits = !uv_is_closing((uv_handle_t *)&child->in) && child->in.write_queue_size > 0;
  if (!waits && child->drained) child->drained(child->data);
}

bool orr_child_write(struct orr_child *child, const void *bytes, size_t size) {
  if (size == 0 || uv_is_closing((uv_handle_t *)&child->in)) return true;
  struct piece *piece = orr_alloc(sizeof *piece + size);
  piece->child = child;
  memcpy(piece->bytes, bytes, size);
  uv_buf_t buf = uv_buf_init(piece->bytes, (unsigned)size);
  if (uv_write(&piece->write, (uv_stream_t *)&child->in, &buf, 1, piece_taken) == 0) return false;
  free(piece);
  close_input(child);
  return true;
}

static void finished(uv_shutdown_t *finish, int status) {
  (void)status; /* a pipe that nobody reads is as good as one that was read */
  close_handle(finish->handle);
}

void orr_child_finish(struct orr_child *child) {
  if (uv_is_closing((uv_handle_t *)&child->in)) return;
  if (uv_shutdown(&child->finish, (uv_stream_t *)&child->in, finished) != 0) close_input(child);
}

void orr_child_hang_up(struct orr_child *child) { close_input(child); }

/* Those that live on may hold its output open: they left the group, or sudo made them another account's. */
void orr_child_kill(struct orr_child *child) {
  kill(-child->pid, SIGKILL);
  close_handle(&child->out);
  close_handle(&child->err);
  close_input(child);
}

void orr_child_pause(struct orr_child *child) { uv_read_stop((uv_stream_t *)&child->out); }

void orr_child_resume(struct orr_child *child) {
  if (!uv_is_closing((uv_handle_t *)&child->out))
    uv_read_start((uv_stream_t *)&child->out, chunk_for, output);
}

static void timed_out(void *data) {
  struct orr_child *child = data;
  orr_timer_stop(child->deadline);
  child->deadline = NULL;
  child->result.timed_out = true;
  orr_child_kill(child);
}

static void init_pipe(uv_loop_t *uv, uv_pipe_t *pipe, struct orr_child *child) {
  uv_pipe_init(uv, pipe, 0);
  pipe->data = child;
  child->open++;
}

/* Connects one of our pipes, which we read or write, with what is to be the child's end. */
static int connect_pipe(uv_pipe_t *pipe, int *theirs, bool write) {
  int ends[2];
  int code = uv_pipe(ends, write ? 0 : UV_NONBLOCK_PIPE, write ? UV_NONBLOCK_PIPE : 0);
  if (code != 0) return code;
  *theirs = ends[!write];
  return uv_pipe_open(pipe, ends[write]);
}

/* Learns of its end. */
static int watch(uv_loop_t *uv, struct orr_child *child) {
  child->process = pidfd_open(child->pid, 0);
  int code =
      child->process < 0 ? uv_translate_sys_error(errno) : uv_poll_init(uv, &child->watch, child->process);
  if (code == 0) {
    child->watch.data = child;
    child->open++;
    return uv_poll_start(&child->watch, UV_READABLE, exited);
  }
  if (child->process >= 0) close(child->process);
  orr_child_kill(child);
  waitpid(child->pid, NULL, 0);
  return code;
}

/* Closes what is the child's once it has it, its input with the rest. */
static int start(uv_loop_t *uv, struct orr_child *child, const struct orr_child_options *options, int input) {
  int files[3] = {input, -1, -1};
  int code = connect_pipe(&child->out, &files[1], false);
  if (code == 0) code = connect_pipe(&child->err, &files[2], false);
  if (code == 0 && child->fed) code = connect_pipe(&child->in, &files[0], true);
  if (code == 0) code = uv_translate_sys_error(orr_spawn(options, files, &child->pid));
  for (int i = 0; i < 3; i++)
    if (files[i] >= 0) close(files[i]);
  return code ? code : watch(uv, child);
}

struct orr_child *orr_child_start(struct orr_loop *loop, const struct orr_child_options *options,
                                  void (*ended)(void *data, struct orr_child_result *result), void *data,
                                  struct orr_err *err) {
  uv_loop_t *uv = orr_loop_uv(loop);
  int input = options->fed ? -1 : input_of(options, err);
  if (input < 0 && !options->fed) return NULL;
  struct orr_child *child = orr_zalloc(sizeof *child);
  child->loop = loop;
  child->most_output = options->most_output;
  init_pipe(uv, &child->out, child);
  init_pipe(uv, &child->err, child);
  child->fed = options->fed;
  if (child->fed) init_pipe(uv, &child->in, child);
  int code = start(uv, child, options, input);
  if (code != 0) {
    orr_loop_fail(err, code, options->argv[0]);
    close_handle(&child->out);
    close_handle(&child->err);
    close_input(child);
    return NULL; /* `ended` was not set: the handles close without a word */
  }
  child->said = options->said;
  child->drained = options->drained;
  child->ended = ended;
  child->data = data;
  if (options->timeout_ms > 0)
    child->deadline = orr_timer_start(loop, options->timeout_ms, 0, timed_out, child);
  uv_read_start((uv_stream_t *)&child->out, chunk_for, output);
  uv_read_start((uv_stream_t *)&child->err, chunk_for, output);
  return child;
}
