/* The RabbitMQ carrier from the inside. All of it is the loop's thread's, but for what says otherwise: only there librabbitmq
   is called, and it may block, for as long as a handshake or a write takes.

     rabbit.c          connects, loses the connection, connects again; what other threads give
     rabbit_connect.c  one connection, from the URL to consuming
     rabbit_read.c     what comes: frames, put together to messages
     rabbit_publish.c  events, in a window of those not confirmed yet
     rabbit_call.c     calls of services, and their answers
     rabbit_serve.c    calls of our own methods, and our answers */
#pragma once
#include <amqp.h>
#include <amqp_framing.h>
#include <stdatomic.h>

#include "bus/carrier.h"
#include "loop/poll.h"

/* A channel for each kind of traffic, so that confirms, consumers and errors of one are not those of another. */
enum { ORR_CHANNEL_EVENTS = 1, ORR_CHANNEL_CALLS, ORR_CHANNEL_SERVES, ORR_CHANNEL_LISTENS, ORR_CHANNELS };

enum {
  ORR_CALLS = 4096,        /* of services, under way at once */
  ORR_SERVED_AT_ONCE = 64, /* calls of ours that the broker hands us unanswered */
  ORR_HEARD_BYTES = 65536, /* of an event of others, which is a word that something changed */
};

/* A message that is coming, of one channel. */
struct orr_incoming {
  amqp_method_number_t method; /* 0: none has begun */
  bool again;
  uint64_t tag, size, got; /* size and got: of the body, as announced and so far */
  char *key;
  char *type, *id, *reply_to, *correlation, *content_type;
  struct orr_buf body;
};

struct orr_call_slot {
  struct orr_bus_call *call;
  uint64_t secret; /* tells the answer to this call from those to others */
};

struct orr_rabbit {
  struct orr_bus bus; /* first */
  const struct orr_log *log;
  /* Copies of the options. */
  char *url, *user, *password, *host, *vhost, *ca, *cert, *key;
  char *exchange, *queue, *prefix;
  int port, heartbeat_s, window;
  bool tls, unverified;
  size_t body_bytes;

  struct orr_loop *loop;
  pthread_t thread; /* the loop's */
  int fd;           /* of the connection, -1: none; guarded, for orr_bus_break shuts it down */
  atomic_bool quiet, change_posted;
  struct orr_message change;
  amqp_connection_state_t connection; /* NULL: there is none */
  unsigned connections;               /* how many there have been: numbers the present one */
  struct orr_poll *poll;
  struct orr_timer *tick, *retry;
  int tries; /* to connect, since it was lost */
  bool blocked, reading, stopping;
  char told[256]; /* the trouble that the log has heard of */
  struct orr_incoming incoming[ORR_CHANNELS];

  /* Those not home yet; `sending`: the first one that is not wholly published. */
  struct orr_publication *oldest, *newest, *sending;
  struct orr_publication **unconfirmed; /* by delivery tag, modulo the window: whose it is, NULL: confirmed */
  uint64_t next_tag, oldest_tag;

  struct orr_call_slot slots[ORR_CALLS];
  unsigned next_slot;

  bool consuming;                            /* of our own methods */
  struct orr_bus_request *held, **last_held; /* answers that wait while the broker takes nothing */
  int subscribed;                            /* how many of the bus's subscribers have their pattern bound */
};

/* rabbit.c. Loses the connection; it is tried again. */
void orr_rabbit_lose(struct orr_rabbit *rabbit, const struct orr_err *why);
void orr_rabbit_tell_blocked(struct orr_rabbit *rabbit, bool blocked, const char *why);
static inline struct orr_rabbit *orr_rabbit_of(struct orr_bus *bus) { return (struct orr_rabbit *)bus; }

/* rabbit_connect.c */
int orr_rabbit_parse(struct orr_rabbit *rabbit, const struct orr_bus_options *options, struct orr_err *err);
int orr_rabbit_connect(struct orr_rabbit *rabbit, struct orr_err *err);
void orr_rabbit_disconnect(struct orr_rabbit *rabbit);
/* What those who joined since the last time need: consumers and bindings. */
int orr_rabbit_join(struct orr_rabbit *rabbit, struct orr_err *err);

/* rabbit_read.c. Reads all there is, without waiting. After everything that makes librabbitmq read by itself. */
void orr_rabbit_read(struct orr_rabbit *rabbit);
/* After everything that writes. False: that failed, and the connection was lost. */
bool orr_rabbit_sent(struct orr_rabbit *rabbit, int status);
void orr_rabbit_forget_incoming(struct orr_rabbit *rabbit);

/* rabbit_publish.c */
void orr_rabbit_take(struct orr_rabbit *rabbit, struct orr_publication *publication);
bool orr_rabbit_publish(
    struct orr_rabbit *rabbit); /* what the window has room for; false: there was nothing */
void orr_rabbit_confirmed(struct orr_rabbit *rabbit, uint64_t tag, bool multiple, bool refused);
void orr_rabbit_unpublish(struct orr_rabbit *rabbit, const struct orr_err *why); /* all come home */

/* rabbit_call.c */
void orr_rabbit_call(struct orr_rabbit *rabbit, struct orr_bus_call *call);
void orr_rabbit_answered(struct orr_rabbit *rabbit, struct orr_incoming *incoming);
void orr_rabbit_unroutable(struct orr_rabbit *rabbit, const struct orr_incoming *incoming);
void orr_rabbit_look_at_deadlines(struct orr_rabbit *rabbit);
void orr_rabbit_fail_calls(struct orr_rabbit *rabbit, const struct orr_err *why);

/* rabbit_serve.c */
void orr_rabbit_asked(struct orr_rabbit *rabbit, struct orr_incoming *incoming);
void orr_rabbit_answer(struct orr_rabbit *rabbit, struct orr_bus_request *request);
void orr_rabbit_answer_held(struct orr_rabbit *rabbit);
void orr_rabbit_drop_held(struct orr_rabbit *rabbit);

static inline amqp_bytes_t orr_bytes(const char *text) {
  return text ? amqp_cstring_bytes(text) : amqp_empty_bytes;
}
/* The broker's answer to what was just asked of it, as ours. */
int orr_rabbit_reply(struct orr_rabbit *rabbit, amqp_rpc_reply_t reply, const char *what,
                     struct orr_err *err);
