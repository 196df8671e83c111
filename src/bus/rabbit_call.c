/* Calls of services over RabbitMQ. A service's queue is PREFIX.rpc.SERVICE; its answer comes straight to our channel (direct
   reply-to), which keeps nothing: an answer that we do not wait for any more is let go of. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "bus/rabbit.h"

enum { CORRELATION = 40 };

static struct orr_call_slot *free_slot(struct orr_rabbit *rabbit) {
  for (int tries = 0; tries < ORR_CALLS; tries++) {
    struct orr_call_slot *slot = &rabbit->slots[rabbit->next_slot++ % ORR_CALLS];
    if (!slot->call) return slot;
  }
  return NULL;
}

static void settle(struct orr_call_slot *slot) {
  struct orr_bus_call *call = slot->call;
  slot->call = NULL;
  orr_bus_call_home(call);
}

static void name(const struct orr_rabbit *rabbit, const struct orr_call_slot *slot, char out[CORRELATION]) {
  snprintf(out, CORRELATION, "%d-%016" PRIx64, (int)(slot - rabbit->slots), slot->secret);
}

/* The call that an answer names. A service cannot guess the names of calls that others got. */
static struct orr_call_slot *find(struct orr_rabbit *rabbit, const char *correlation) {
  char right[CORRELATION];
  unsigned long at = correlation ? strtoul(correlation, NULL, 10) : ORR_CALLS;
  if (at >= ORR_CALLS || !rabbit->slots[at].call) return NULL;
  name(rabbit, &rabbit->slots[at], right);
  return strcmp(right, correlation) == 0 ? &rabbit->slots[at] : NULL;
}

static int send_call(struct orr_rabbit *rabbit, const struct orr_bus_call *call, const char *correlation,
                     int64_t left_ms) {
  char queue[256], expiration[24];
  snprintf(queue, sizeof queue, "%s.%s", rabbit->queue, call->service);
  snprintf(expiration, sizeof expiration, "%" PRId64, left_ms);
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_TYPE_FLAG |
                                                  AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
                                                  AMQP_BASIC_EXPIRATION_FLAG |
                                                  (call->id ? AMQP_BASIC_MESSAGE_ID_FLAG : 0),
                                        .content_type = orr_bytes("application/json"),
                                        .type = orr_bytes(call->method),
                                        .reply_to = orr_bytes("amq.rabbitmq.reply-to"),
                                        .correlation_id = orr_bytes(correlation),
                                        .expiration = orr_bytes(expiration),
                                        .message_id = orr_bytes(call->id)};
  return amqp_basic_publish(rabbit->connection, ORR_CHANNEL_CALLS, amqp_empty_bytes, orr_bytes(queue), 1, 0,
                            &properties, (amqp_bytes_t){call->body.size, call->body.data});
}

void orr_rabbit_call(struct orr_rabbit *rabbit, struct orr_bus_call *call) {
  char correlation[CORRELATION];
  int64_t left = call->deadline_ms - orr_clock_ms();
  struct orr_call_slot *slot = left > 0 ? free_slot(rabbit) : NULL;
  if (!slot) {
    if (left > 0)
      orr_fail(&call->err, ORR_UNAVAILABLE, "%d calls are under way, and none more can be", ORR_CALLS);
    else
      orr_fail(&call->err, ORR_TIMEOUT, "the call could not be sent in time");
    orr_bus_call_home(call);
    return;
  }
  slot->call = call;
  if (getrandom(&slot->secret, sizeof slot->secret, 0) < 0) abort(); /* no Linux fails at this */
  name(rabbit, slot, correlation);
  orr_rabbit_sent(rabbit, send_call(rabbit, call, correlation, left));
}

void orr_rabbit_answered(struct orr_rabbit *rabbit, struct orr_incoming *incoming) {
  struct orr_call_slot *slot = find(rabbit, incoming->correlation);
  if (!slot) return; /* too late, or nothing that we asked */
  struct orr_bus_call *call = slot->call;
  if (incoming->size > rabbit->body_bytes) {
    orr_fail(&call->err, ORR_TOO_LARGE,
             "the answer of the service %s has %" PRIu64 " bytes, and may have %zu", call->service,
             incoming->size, rabbit->body_bytes);
  } else {
    snprintf(call->content_type, sizeof call->content_type, "%s",
             incoming->content_type ? incoming->content_type : "application/json");
    call->answer = incoming->body;
    incoming->body = (struct orr_buf){0};
  }
  settle(slot);
}

void orr_rabbit_unroutable(struct orr_rabbit *rabbit, const struct orr_incoming *incoming) {
  struct orr_call_slot *slot = find(rabbit, incoming->correlation);
  if (!slot) return;
  orr_fail(&slot->call->err, ORR_UNAVAILABLE, "nobody serves %s: there is no queue %s.%s",
           slot->call->service, rabbit->queue, slot->call->service);
  settle(slot);
}

void orr_rabbit_look_at_deadlines(struct orr_rabbit *rabbit) {
  int64_t now = orr_clock_ms();
  for (int i = 0; i < ORR_CALLS; i++) {
    struct orr_call_slot *slot = &rabbit->slots[i];
    if (!slot->call || slot->call->deadline_ms > now) continue;
    orr_fail(&slot->call->err, ORR_TIMEOUT, "the service %s did not answer in time", slot->call->service);
    settle(slot);
  }
}

void orr_rabbit_fail_calls(struct orr_rabbit *rabbit, const struct orr_err *why) {
  for (int i = 0; i < ORR_CALLS; i++) {
    if (!rabbit->slots[i].call) continue;
    rabbit->slots[i].call->err = *why;
    settle(&rabbit->slots[i]);
  }
}
