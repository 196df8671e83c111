/* Calls of our own methods over RabbitMQ. A call is acknowledged when it is answered, so one that a server dies with comes
   again, to the next; and it is acknowledged at once when it comes again, so that none can end one server after the other. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bus/rabbit.h"

static char *taken(char **text) {
  char *it = *text;
  *text = NULL;
  return it;
}

void orr_rabbit_asked(struct orr_rabbit *rabbit, struct orr_incoming *incoming) {
  struct orr_bus_request *request = orr_zalloc(sizeof *request);
  *request = (struct orr_bus_request){.method = incoming->type ? taken(&incoming->type) : orr_strdup(""),
                                      .id = taken(&incoming->id),
                                      .body = incoming->body,
                                      .size = incoming->size,
                                      .again = incoming->again,
                                      .awaits = incoming->reply_to != NULL,
                                      .reply_to = taken(&incoming->reply_to),
                                      .correlation = taken(&incoming->correlation),
                                      .tag = incoming->tag,
                                      .connection = rabbit->connections};
  incoming->body = (struct orr_buf){0};
  if (request->again) {
    if (!orr_rabbit_sent(rabbit, amqp_basic_ack(rabbit->connection, ORR_CHANNEL_SERVES, request->tag, 0))) {
      orr_bus_request_free(request);
      return;
    }
    request->tag = 0;
  }
  if (!orr_bus_hand_over(&rabbit->bus, request))
    orr_bus_request_free(request); /* for another server, when we go */
}

static int send_answer(struct orr_rabbit *rabbit, const struct orr_bus_request *request) {
  amqp_table_entry_t status = {amqp_cstring_bytes("status"), {AMQP_FIELD_KIND_I32, {.i32 = request->status}}};
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG |
                                                  (request->correlation ? AMQP_BASIC_CORRELATION_ID_FLAG : 0),
                                        .content_type = orr_bytes(request->content_type),
                                        .headers = {1, &status},
                                        .correlation_id = orr_bytes(request->correlation)};
  return amqp_basic_publish(rabbit->connection, ORR_CHANNEL_SERVES, amqp_empty_bytes,
                            orr_bytes(request->reply_to), 0, 0, &properties,
                            (amqp_bytes_t){request->answer.size, request->answer.data});
}

/* What is wrong, and nobody awaits to be told so, is rejected: the broker may keep such calls for people to look at. */
static void carry(struct orr_rabbit *rabbit, const struct orr_bus_request *request) {
  bool is_poison = request->status == 0 || (!request->awaits && request->status >= 400);
  struct orr_bus_state *state = &rabbit->bus.state;
  amqp_connection_state_t connection = rabbit->connection;
  if (is_poison)
    orr_log(rabbit->log, ORR_LOG_WARN, "call rejected", ORR_S("method", request->method),
            ORR_I("status", request->status));
  orr_bus_count(&rabbit->bus, is_poison ? &state->rejected : &state->served, 1);
  if (request->awaits && !orr_rabbit_sent(rabbit, send_answer(rabbit, request))) return;
  if (!request->tag) return;
  orr_rabbit_sent(rabbit, is_poison ? amqp_basic_reject(connection, ORR_CHANNEL_SERVES, request->tag, 0)
                                    : amqp_basic_ack(connection, ORR_CHANNEL_SERVES, request->tag, 0));
}

void orr_rabbit_answer(struct orr_rabbit *rabbit, struct orr_bus_request *request) {
  bool is_current = rabbit->connection && request->connection == rabbit->connections;
  if (is_current && request->status >= 0 && rabbit->blocked) {
    request->message.next = NULL;
    *rabbit->last_held = request;
    rabbit->last_held = (struct orr_bus_request **)&request->message.next;
    return;
  }
  if (is_current && request->status >= 0) carry(rabbit, request);
  orr_bus_request_free(request);
}

static struct orr_bus_request *take_held(struct orr_rabbit *rabbit) {
  struct orr_bus_request *held = rabbit->held;
  rabbit->held = NULL;
  rabbit->last_held = &rabbit->held;
  return held;
}

void orr_rabbit_answer_held(struct orr_rabbit *rabbit) {
  for (struct orr_bus_request *it = take_held(rabbit), *next; it; it = next) {
    next = (struct orr_bus_request *)it->message.next;
    orr_rabbit_answer(rabbit, it);
  }
}

void orr_rabbit_drop_held(struct orr_rabbit *rabbit) {
  for (struct orr_bus_request *it = take_held(rabbit), *next; it; it = next) {
    next = (struct orr_bus_request *)it->message.next;
    orr_bus_request_free(it);
  }
}
