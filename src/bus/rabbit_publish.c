/* Events to RabbitMQ, with publisher confirms: never more under way than the window, so that a broker that is slow holds up
   who publishes and not our memory. What the window has no room for waits where it is. */
#include "bus/rabbit.h"

/* Whose a delivery tag is. */
static struct orr_publication **slot(struct orr_rabbit *rabbit, uint64_t tag) {
  return &rabbit->unconfirmed[tag % (uint64_t)rabbit->window];
}

static struct orr_publication *next_of(const struct orr_publication *publication) {
  return (struct orr_publication *)publication->message.next;
}

void orr_rabbit_take(struct orr_rabbit *rabbit, struct orr_publication *publication) {
  publication->message.next = NULL;
  if (publication->count == 0) {
    orr_publication_home(publication);
    return;
  }
  if (rabbit->newest)
    rabbit->newest->message.next = &publication->message;
  else
    rabbit->oldest = publication;
  rabbit->newest = publication;
  if (!rabbit->sending) rabbit->sending = publication;
}

/* Those given first are confirmed first, mostly. */
static void send_home(struct orr_rabbit *rabbit, struct orr_publication *publication) {
  struct orr_publication *before = NULL, *it = rabbit->oldest;
  while (it != publication) before = it, it = next_of(it);
  if (before)
    before->message.next = publication->message.next;
  else
    rabbit->oldest = next_of(publication);
  if (rabbit->newest == publication) rabbit->newest = before;
  orr_publication_home(publication);
}

static int send_letter(struct orr_rabbit *rabbit, const struct orr_letter *letter) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
                                                  AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
                                        .content_type = orr_bytes("application/cloudevents+json"),
                                        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
                                        .message_id = {letter->id_size, (void *)letter->id}};
  return amqp_basic_publish(rabbit->connection, ORR_CHANNEL_EVENTS, orr_bytes(rabbit->exchange),
                            (amqp_bytes_t){letter->key_size, (void *)letter->key}, 0, 0, &properties,
                            (amqp_bytes_t){letter->size, (void *)letter->body});
}

bool orr_rabbit_publish(struct orr_rabbit *rabbit) {
  int64_t sent = 0;
  int status = AMQP_STATUS_OK;
  while (rabbit->sending && !rabbit->blocked &&
         rabbit->next_tag - rabbit->oldest_tag < (uint64_t)rabbit->window) {
    struct orr_publication *publication = rabbit->sending;
    struct orr_letter letter;
    publication->next = orr_publication_letter(publication, publication->next, &letter);
    if ((status = send_letter(rabbit, &letter)) != AMQP_STATUS_OK) break;
    *slot(rabbit, rabbit->next_tag++) = publication;
    if (publication->next == publication->letters.size) rabbit->sending = next_of(publication);
    sent++;
  }
  if (sent) orr_bus_count(&rabbit->bus, &rabbit->bus.state.published, sent);
  return orr_rabbit_sent(rabbit, status) && sent > 0;
}

void orr_rabbit_confirmed(struct orr_rabbit *rabbit, uint64_t tag, bool multiple, bool refused) {
  int64_t confirmed = 0;
  if (tag < rabbit->oldest_tag || tag >= rabbit->next_tag) return;
  for (uint64_t at = multiple ? rabbit->oldest_tag : tag; at <= tag; at++) {
    struct orr_publication *publication = *slot(rabbit, at);
    *slot(rabbit, at) = NULL;
    if (!publication) continue;
    if (refused) orr_fail(&publication->err, ORR_UNAVAILABLE, "the broker could not keep an event");
    if (++publication->confirmed == publication->count) send_home(rabbit, publication);
    confirmed += !refused;
  }
  while (rabbit->oldest_tag < rabbit->next_tag && !*slot(rabbit, rabbit->oldest_tag)) rabbit->oldest_tag++;
  orr_bus_count(&rabbit->bus, &rabbit->bus.state.confirmed, confirmed);
}

void orr_rabbit_unpublish(struct orr_rabbit *rabbit, const struct orr_err *why) {
  while (rabbit->oldest) {
    rabbit->oldest->err = *why;
    send_home(rabbit, rabbit->oldest);
  }
  rabbit->sending = NULL;
  for (int i = 0; i < rabbit->window; i++) rabbit->unconfirmed[i] = NULL;
}
