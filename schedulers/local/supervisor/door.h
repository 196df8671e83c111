/* The supervisor's door: its socket and the plug-ins connected to it. Frames come in and are answered in
   turn; changes of jobs are pushed. A client costs what it does: while it does not read its answers no more
   of its requests are read, and changes wait in the history of jobs, where a number marks how far each client
   has been told. Malformed frames end the connection they came over, and nothing else. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/watch.h"

struct orr_client {
  struct orr_source watch;
  TAILQ_ENTRY(orr_client) place;
  int fd;
  struct orr_buf in, out;
  uint64_t told; /* number of the last change it knows */
  bool greeted;  /* said HELLO in our protocol */
};

struct orr_door {
  struct orr_source watch;
  int fd;
  TAILQ_HEAD(, orr_client) clients;
  size_t count;
  int64_t push_at; /* CLOCK_BOOTTIME, ms; INT64_MAX: there is nothing new */
};

struct orr_supervisor;

int orr_door_open(struct orr_supervisor *s, struct orr_err *err);
void orr_door_close(struct orr_supervisor *s); /* the socket's name goes first, so that nobody new comes */
void orr_door_push(
    struct orr_supervisor *s); /* tells the clients what changed, a few milliseconds' worth at once */
bool orr_door_answers(void);   /* does somebody accept connections at the socket? */
