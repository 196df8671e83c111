/* A worker: a thread with a loop, a read connection and a Lua state of its own. The API workers and the
   control worker are two kinds of it. */
#pragma once
#include "app/server.h"
#include "bind/changes.h"
#include "script/task.h"

struct orr_worker;

struct orr_worker_kind {
  const char *name;    /* of thread, script and log lines */
  size_t memory_limit; /* of the Lua state */
  int64_t slice_ms;
  const char *const *tables; /* what of house.* its Lua may use */
  /* On the worker's thread, before its loop runs; and after it has run, to close what `begin` opened. */
  int (*begin)(struct orr_worker *worker, struct orr_err *err);
  void (*end)(struct orr_worker *worker);
  void (*drain)(struct orr_worker *worker,
                bool now); /* on its thread, also after `end`: see orr_worker_drain */
  void (*unblock)(
      struct orr_worker *worker); /* any thread: it is to end, and does not; NULL: it always does */
};

struct orr_worker {
  const struct orr_worker_kind *kind;
  struct orr_server *server;
  pthread_t thread;
  struct orr_loop *loop;
  struct orr_changes *changes;
  struct orr_reader *reader;
  struct orr_script *script;
  struct orr_house house;
  struct orr_err failure;     /* why it could not begin */
  struct orr_message drained; /* to the main loop */
  struct orr_message ready;   /* control worker: to the main loop */
  struct orr_message began;   /* to the main loop: `failure` says how it went */
  bool serves;                /* the main thread's: it has begun well, and is drained before the end */
  bool stuck;                 /* something below hangs: its memory cannot be freed */
  void *user;                 /* the kind's, freed with the worker */
};

/* Makes the loop and listens to the store's changes; before orr_worker_start, since subscribing must precede
   all. */
struct orr_worker *orr_worker_create(struct orr_server *server, const struct orr_worker_kind *kind,
                                     struct orr_err *err);
/* Starts the thread; `began` is delivered on the main loop when the worker's begin has returned. */
int orr_worker_start(struct orr_worker *worker, void (*began)(struct orr_message *message),
                     struct orr_err *err);
void orr_worker_stop(struct orr_worker *worker); /* ends the loop and joins; NULL is legal */
void orr_worker_destroy(struct orr_worker *worker);

extern const struct orr_worker_kind orr_api_worker, orr_control_worker, orr_bus_worker;
extern const char *const orr_api_tables[]; /* what the handlers of requests and calls may use */
/* Any thread: a worker of a kind that can accepts nothing more and finishes what it has begun; then orr_server_drained is
   delivered on the main loop. With `now`, it breaks everything off. */
void orr_worker_drain(struct orr_worker *worker, bool now);
void orr_worker_drained(struct orr_worker *worker); /* on its thread: it has */
