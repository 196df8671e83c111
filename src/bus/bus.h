/* The message bus: events to whoever listens, and calls of services in both directions. Two carriers behind this page: the
   embedded one, within the process, and RabbitMQ, on a loop of its own, whose thread it may block. The bus carries; it
   keeps nothing. What must not be lost is in the log of events, and is published again until it is confirmed.
   Publications, calls and subscriptions are given from any thread, and come home as messages to the loop of who gave
   them, which expects them (orr_loop_expect): each comes home exactly once, whatever becomes of the carrier. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/loop.h"

struct orr_bus;

struct orr_bus_options {
  const char *url;             /* amqp[s]://user:password@host:port/vhost; NULL: embedded */
  const char *password;        /* NULL: that of the URL */
  const char *ca, *cert, *key; /* files for amqps; NULL: the system's authorities, no certificate of ours */
  bool unverified;             /* amqps: whoever answers is taken for the broker */
  const char *prefix;          /* of the names of exchange and queues: "orrery" */
  int heartbeat_s;             /* a broker silent for twice as long is taken for lost */
  int window;                  /* events published and not confirmed yet, at most */
  size_t body_bytes;           /* of a call or an answer, at most */
  const struct orr_log *log;   /* kept by reference */
  struct orr_loop *loop;       /* the carrier's, if it needs one; it outlives the bus's use */
};

/* Checks the options and copies them; nothing happens yet. */
struct orr_bus *orr_bus_create(const struct orr_bus_options *options, struct orr_err *err);
/* On the thread of the carrier's loop, before that runs, and after it has run. What is under way comes home, failed. */
void orr_bus_start(struct orr_bus *bus);
void orr_bus_stop(struct orr_bus *bus);
/* Any thread: takes no more calls from outside; what was taken can still be answered. */
void orr_bus_quiet(struct orr_bus *bus);
/* Any thread: whatever waits for the broker fails now. For who has asked the loop to stop, and cannot wait for ever. */
void orr_bus_break(struct orr_bus *bus);
void orr_bus_destroy(struct orr_bus *bus); /* after the loop; NULL is legal */

struct orr_bus_state {
  bool embedded, up;
  bool blocked;     /* the broker takes nothing at present: it is short of memory or disk */
  int64_t since_ms; /* wall time of the last change of `up` */
  char why[256];    /* it is not up, or blocked */
  int64_t connects, published, confirmed, calls, failed_calls, served, rejected;
};
void orr_bus_state(struct orr_bus *bus, struct orr_bus_state *state); /* any thread */

/* --- events --- */

/* Events that are published together, in their order, and behind those given before. */
struct orr_publication {
  struct orr_message message;
  void (*done)(
      struct orr_publication *publication); /* on `home`: err.code says whether all are confirmed; frees it */
  struct orr_loop *home;
  void *user;
  struct orr_err err;
  struct orr_buf letters; /* filled by orr_publication_add */
  size_t next;            /* the carrier's: where the next letter begins, and … */
  int count, confirmed;   /* … how many there are, and were confirmed */
  struct orr_bus *bus;
};
struct orr_publication *orr_publication_create(struct orr_loop *home, void (*done)(struct orr_publication *),
                                               void *user);
/* One event; all is copied. The key says whom it concerns, in words divided by dots, of 255 bytes at most. */
void orr_publication_add(struct orr_publication *publication, const char *key, const char *id, size_t id_size,
                         const void *body, size_t size);
void orr_publication_free(struct orr_publication *publication);
void orr_bus_publish(struct orr_bus *bus, struct orr_publication *publication);

/* Whoever wants events of others. Patterns are AMQP's: words divided by dots, * for one word and # for any number. */
struct orr_bus_event {
  struct orr_message
      message; /* delivered to the subscriber's loop, which frees the event (orr_bus_event_free) */
  void *user;  /* the subscriber's */
  char *key;
  struct orr_buf body;
};
/* `user`, from the heap, is freed with the bus. */
void orr_bus_subscribe(struct orr_bus *bus, const char *pattern, struct orr_loop *home,
                       void (*arrived)(struct orr_message *message), void *user);
void orr_bus_event_free(struct orr_bus_event *event);
bool orr_bus_matches(const char *pattern, const char *key);

/* --- calls --- */

/* A call of a service. */
struct orr_bus_call {
  struct orr_message message;
  void (*done)(struct orr_bus_call *call); /* on `home`; frees it */
  struct orr_loop *home;
  void *user;
  char *service, *method, *id; /* id: the idempotency key, or NULL */
  struct orr_buf body;
  int64_t deadline_ms; /* of orr_clock_ms */
  /* The answer: err.code ORR_OK, TIMEOUT, UNAVAILABLE or TOO_LARGE. */
  struct orr_err err;
  char content_type[64];
  struct orr_buf answer;
  struct orr_bus *bus;
};
struct orr_bus_call *orr_bus_call_create(struct orr_loop *home, void (*done)(struct orr_bus_call *),
                                         void *user);
void orr_bus_call_free(struct orr_bus_call *call);
void orr_bus_call(struct orr_bus *bus, struct orr_bus_call *call);

/* A call of one of our own methods. */
struct orr_bus_request {
  struct orr_message message; /* delivered to the loop of who serves; goes back by orr_bus_answer, once */
  void *user;                 /* of who serves */
  char *method, *id;          /* id: the idempotency key, or NULL */
  struct orr_buf body;
  size_t size; /* of the body as it was sent; more than body.size: it was too large, and left away */
  bool again;  /* it was delivered before: perhaps to a server that died of it */
  bool awaits; /* somebody waits for an answer */
  int status;  /* the answer's; 0: it cannot be carried out, and is rejected */
  char content_type[64];
  struct orr_buf answer;
  struct orr_bus *bus; /* all below is the carrier's */
  char *reply_to, *correlation;
  uint64_t tag;
  unsigned connection;
  struct orr_bus_call *call;
};
/* From now on calls of our own methods are delivered to this loop. */
void orr_bus_serve(struct orr_bus *bus, struct orr_loop *home, void (*arrived)(struct orr_message *message),
                   void *user);
/* Any thread. */
void orr_bus_answer(struct orr_bus_request *request);
/* Who was to answer cannot any more: the call is left to another server, where the carrier keeps it. */
void orr_bus_request_drop(struct orr_bus_request *request);
