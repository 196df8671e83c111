/* What comes from RabbitMQ. The library's own functions for messages wait for the rest of one that has begun, so frames are
   taken one by one as they come, and put together here. */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/alloc.h"
#include "bus/rabbit.h"

static char *text_of(amqp_bytes_t bytes) { return orr_strndup(bytes.bytes, bytes.len); }

static void forget(struct orr_incoming *incoming) {
  char *texts[] = {incoming->key,      incoming->type,        incoming->id,
                   incoming->reply_to, incoming->correlation, incoming->content_type};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  orr_buf_free(&incoming->body);
  *incoming = (struct orr_incoming){0};
}

void orr_rabbit_forget_incoming(struct orr_rabbit *rabbit) {
  for (int channel = 0; channel < ORR_CHANNELS; channel++) forget(&rabbit->incoming[channel]);
}

/* A message is whole. */
static void arrived(struct orr_rabbit *rabbit, amqp_channel_t channel) {
  struct orr_incoming message = rabbit->incoming[channel];
  rabbit->incoming[channel] = (struct orr_incoming){0};
  amqp_maybe_release_buffers_on_channel(rabbit->connection, channel);
  if (message.method == AMQP_BASIC_RETURN_METHOD)
    orr_rabbit_unroutable(rabbit, &message);
  else if (channel == ORR_CHANNEL_CALLS)
    orr_rabbit_answered(rabbit, &message);
  else if (channel == ORR_CHANNEL_SERVES)
    orr_rabbit_asked(rabbit, &message);
  else if (message.body.size == message.size)
    orr_bus_hand_out(&rabbit->bus, message.key, message.body.data, message.body.size);
  forget(&message);
}

static void begins(struct orr_rabbit *rabbit, amqp_channel_t channel, const amqp_method_t *method) {
  struct orr_incoming *incoming = &rabbit->incoming[channel];
  forget(incoming);
  incoming->method = method->id;
  if (method->id != AMQP_BASIC_DELIVER_METHOD) return;
  const amqp_basic_deliver_t *deliver = method->decoded;
  incoming->tag = deliver->delivery_tag;
  incoming->again = deliver->redelivered;
  incoming->key = text_of(deliver->routing_key);
}

static void goes_on(struct orr_rabbit *rabbit, const amqp_frame_t *frame) {
  struct orr_incoming *incoming = &rabbit->incoming[frame->channel];
  const amqp_basic_properties_t *it = frame->payload.properties.decoded;
  incoming->size = frame->payload.properties.body_size;
  if (it->_flags & AMQP_BASIC_TYPE_FLAG) incoming->type = text_of(it->type);
  if (it->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) incoming->id = text_of(it->message_id);
  if (it->_flags & AMQP_BASIC_REPLY_TO_FLAG) incoming->reply_to = text_of(it->reply_to);
  if (it->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) incoming->correlation = text_of(it->correlation_id);
  if (it->_flags & AMQP_BASIC_CONTENT_TYPE_FLAG) incoming->content_type = text_of(it->content_type);
  if (incoming->size == 0) arrived(rabbit, frame->channel);
}

static size_t most_of(const struct orr_rabbit *rabbit, amqp_channel_t channel) {
  return channel == ORR_CHANNEL_LISTENS ? ORR_HEARD_BYTES : rabbit->body_bytes;
}

/* What is too large is let go of as it comes. */
static void gets_body(struct orr_rabbit *rabbit, const amqp_frame_t *frame) {
  struct orr_incoming *incoming = &rabbit->incoming[frame->channel];
  const amqp_bytes_t *piece = &frame->payload.body_fragment;
  incoming->got += piece->len;
  if (incoming->size <= most_of(rabbit, frame->channel))
    orr_buf_put(&incoming->body, piece->bytes, piece->len);
  amqp_channel_t channel = frame->channel;
  if (incoming->got >= incoming->size)
    arrived(rabbit, channel);
  else
    amqp_maybe_release_buffers_on_channel(rabbit->connection, channel);
}

static int refused(const char *what, amqp_bytes_t text, struct orr_err *err) {
  return orr_fail(err, ORR_UNAVAILABLE, "%s: %.*s", what, (int)text.len, (const char *)text.bytes);
}

/* → ORR_OK, or why the connection is of no use any more. */
static int told(struct orr_rabbit *rabbit, const amqp_frame_t *frame, struct orr_err *err) {
  const amqp_method_t *method = &frame->payload.method;
  switch (method->id) {
  case AMQP_BASIC_DELIVER_METHOD:
  case AMQP_BASIC_RETURN_METHOD: begins(rabbit, frame->channel, method); return ORR_OK;
  case AMQP_BASIC_ACK_METHOD: {
    const amqp_basic_ack_t *ack = method->decoded;
    orr_rabbit_confirmed(rabbit, ack->delivery_tag, ack->multiple, false);
    break;
  }
  case AMQP_BASIC_NACK_METHOD: {
    const amqp_basic_nack_t *nack = method->decoded;
    orr_rabbit_confirmed(rabbit, nack->delivery_tag, nack->multiple, true);
    break;
  }
  case AMQP_CONNECTION_BLOCKED_METHOD: {
    char *why = text_of(((amqp_connection_blocked_t *)method->decoded)->reason);
    orr_rabbit_tell_blocked(rabbit, true, why);
    free(why);
    break;
  }
  case AMQP_CONNECTION_UNBLOCKED_METHOD:
    orr_rabbit_tell_blocked(rabbit, false, "");
    orr_rabbit_answer_held(rabbit);
    break;
  case AMQP_CONNECTION_CLOSE_METHOD:
    return refused("the broker closed it", ((amqp_connection_close_t *)method->decoded)->reply_text, err);
  case AMQP_CHANNEL_CLOSE_METHOD:
    return refused("the broker closed a channel", ((amqp_channel_close_t *)method->decoded)->reply_text, err);
  case AMQP_BASIC_CANCEL_METHOD:
    return orr_fail(err, ORR_UNAVAILABLE, "somebody deleted a queue that we consume");
  default: break;
  }
  if (rabbit->connection) amqp_maybe_release_buffers_on_channel(rabbit->connection, frame->channel);
  return ORR_OK;
}

static int take(struct orr_rabbit *rabbit, const amqp_frame_t *frame, struct orr_err *err) {
  if (frame->channel >= ORR_CHANNELS) return ORR_OK;
  struct orr_incoming *incoming = &rabbit->incoming[frame->channel];
  if (frame->frame_type == AMQP_FRAME_METHOD) return told(rabbit, frame, err);
  if (incoming->method == 0) return orr_fail(err, ORR_UNAVAILABLE, "a message came without its beginning");
  if (frame->frame_type == AMQP_FRAME_HEADER) goes_on(rabbit, frame);
  if (frame->frame_type == AMQP_FRAME_BODY) gets_body(rabbit, frame);
  return ORR_OK;
}

static void read_all(struct orr_rabbit *rabbit) {
  struct orr_err err;
  while (rabbit->connection) {
    struct timeval now = {0, 0};
    amqp_frame_t frame;
    int status = amqp_simple_wait_frame_noblock(rabbit->connection, &frame, &now), code;
    if (status == AMQP_STATUS_TIMEOUT) return;
    if (status == AMQP_STATUS_OK)
      code = take(rabbit, &frame, &err);
    else
      code = orr_fail(&err, ORR_UNAVAILABLE, "%s", amqp_error_string2(status));
    if (code != ORR_OK) orr_rabbit_lose(rabbit, &err);
  }
}

/* Confirms make room for more to be published, and who publishes may have read more confirms. */
void orr_rabbit_read(struct orr_rabbit *rabbit) {
  if (rabbit->reading) return;
  rabbit->reading = true;
  do read_all(rabbit);
  while (rabbit->connection && orr_rabbit_publish(rabbit));
  rabbit->reading = false;
}

bool orr_rabbit_sent(struct orr_rabbit *rabbit, int status) {
  if (status == AMQP_STATUS_OK) {
    if (amqp_data_in_buffer(rabbit->connection) || amqp_frames_enqueued(rabbit->connection))
      orr_rabbit_read(rabbit);
    return rabbit->connection != NULL;
  }
  struct orr_err err;
  orr_fail(&err, ORR_UNAVAILABLE, "%s", amqp_error_string2(status));
  orr_rabbit_lose(rabbit, &err);
  return false;
}
