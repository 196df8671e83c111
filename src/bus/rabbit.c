/* The RabbitMQ carrier: the life of its connection, and what other threads give it. */
#include "bus/rabbit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { FIRST_RETRY_MS = 250, LAST_RETRY_MS = 5000, TICK_MS = 500 };

static void try_to_connect(void *data);

static void tell_state(struct orr_rabbit *rabbit, bool up, bool blocked, const char *why) {
  struct orr_bus_state *state = &rabbit->bus.state;
  pthread_mutex_lock(&rabbit->bus.lock);
  if (state->up != up) state->since_ms = orr_wall_ms();
  if (up && !state->up) state->connects++;
  state->up = up;
  state->blocked = blocked;
  snprintf(state->why, sizeof state->why, "%s", why);
  pthread_mutex_unlock(&rabbit->bus.lock);
}

void orr_rabbit_tell_blocked(struct orr_rabbit *rabbit, bool blocked, const char *why) {
  if (rabbit->blocked == blocked) return;
  rabbit->blocked = blocked;
  orr_log(rabbit->log, blocked ? ORR_LOG_WARN : ORR_LOG_INFO,
          blocked ? "broker takes nothing" : "broker takes messages again", ORR_S("why", why));
  tell_state(rabbit, true, blocked, why);
}

/* --- the connection's life --- */

/* Not all servers of a site at once, when their broker comes back. */
static long long pause_before(int tries) {
  long long pause = FIRST_RETRY_MS;
  while (tries-- > 0 && pause < LAST_RETRY_MS) pause *= 2;
  if (pause > LAST_RETRY_MS) pause = LAST_RETRY_MS;
  return pause / 2 + (long long)((uint64_t)orr_clock_ns() % (uint64_t)(pause / 2 + 1));
}

static void try_again_later(struct orr_rabbit *rabbit) {
  if (rabbit->retry || rabbit->stopping) return;
  rabbit->retry = orr_timer_start(rabbit->loop, pause_before(rabbit->tries++), 0, try_to_connect, rabbit);
}

/* A trouble that lasts is told once. */
static void tell_trouble(struct orr_rabbit *rabbit, const char *what, const char *why) {
  if (strcmp(rabbit->told, why) == 0) return;
  snprintf(rabbit->told, sizeof rabbit->told, "%s", why);
  orr_log(rabbit->log, ORR_LOG_WARN, what, ORR_S("host", rabbit->host), ORR_I("port", rabbit->port),
          ORR_S("error", why));
}

void orr_rabbit_lose(struct orr_rabbit *rabbit, const struct orr_err *why) {
  if (!rabbit->connection) return;
  struct orr_err unavailable;
  orr_fail(&unavailable, ORR_UNAVAILABLE, "the connection to the broker was lost: %s", why->text);
  orr_rabbit_disconnect(rabbit);
  tell_state(rabbit, false, false, unavailable.text);
  if (!rabbit->stopping) tell_trouble(rabbit, "broker lost", why->text);
  orr_rabbit_unpublish(rabbit, &unavailable);
  orr_rabbit_fail_calls(rabbit, &unavailable);
  orr_rabbit_drop_held(rabbit);
  try_again_later(rabbit);
}

static void ready(void *data, int what) {
  struct orr_rabbit *rabbit = data;
  struct orr_err err;
  orr_rabbit_read(rabbit); /* which loses it, if the broker has said why it ends */
  if (what >= 0 || !rabbit->connection) return;
  orr_fail(&err, ORR_UNAVAILABLE, "it was reset");
  orr_rabbit_lose(rabbit, &err);
}

static void try_to_connect(void *data) {
  struct orr_rabbit *rabbit = data;
  struct orr_err err;
  orr_timer_stop(rabbit->retry);
  rabbit->retry = NULL;
  if (rabbit->stopping) return;
  if (orr_rabbit_connect(rabbit, &err) == ORR_OK)
    rabbit->poll = orr_poll_start(rabbit->loop, rabbit->fd, ORR_READABLE, ready, rabbit, &err);
  if (!rabbit->poll) {
    orr_rabbit_disconnect(rabbit);
    tell_state(rabbit, false, false, err.text);
    tell_trouble(rabbit, "broker cannot be reached", err.text);
    try_again_later(rabbit);
    return;
  }
  rabbit->tries = 0;
  rabbit->told[0] = 0;
  orr_log(rabbit->log, ORR_LOG_INFO, "broker reached", ORR_S("host", rabbit->host),
          ORR_I("port", rabbit->port));
  tell_state(rabbit, true, false, "");
  orr_rabbit_read(rabbit);
}

/* Heartbeats are sent and looked for by whoever reads. */
static void ticked(void *data) {
  struct orr_rabbit *rabbit = data;
  orr_rabbit_look_at_deadlines(rabbit);
  orr_rabbit_read(rabbit);
}

/* --- what other threads give --- */

static const char AWAY[] = "there is no connection to the broker at present";

static void publication_came(struct orr_message *message) {
  struct orr_publication *publication = (struct orr_publication *)message;
  struct orr_rabbit *rabbit = orr_rabbit_of(publication->bus);
  if (!rabbit->connection) {
    orr_fail(&publication->err, ORR_UNAVAILABLE, "%s", AWAY);
    orr_publication_home(publication);
    return;
  }
  orr_rabbit_take(rabbit, publication);
  orr_rabbit_read(rabbit); /* it publishes, too */
}

static void publish(struct orr_bus *bus, struct orr_publication *publication) {
  publication->message.deliver = publication_came;
  orr_loop_post(orr_rabbit_of(bus)->loop, &publication->message);
}

static void call_came(struct orr_message *message) {
  struct orr_bus_call *it = (struct orr_bus_call *)message;
  struct orr_rabbit *rabbit = orr_rabbit_of(it->bus);
  if (rabbit->connection && !rabbit->blocked) {
    orr_rabbit_call(rabbit, it);
    return;
  }
  orr_fail(&it->err, ORR_UNAVAILABLE, "%s",
           rabbit->connection ? "the broker takes nothing at present: it is short of memory or disk" : AWAY);
  orr_bus_call_home(it);
}

static void call(struct orr_bus *bus, struct orr_bus_call *it) {
  it->message.deliver = call_came;
  orr_loop_post(orr_rabbit_of(bus)->loop, &it->message);
}

static void answer_came(struct orr_message *message) {
  struct orr_bus_request *request = (struct orr_bus_request *)message;
  orr_rabbit_answer(orr_rabbit_of(request->bus), request);
}

/* Mostly given on the loop's own thread, where it goes out at once. */
static void answer(struct orr_bus *bus, struct orr_bus_request *request) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  if (pthread_equal(rabbit->thread, pthread_self()) && !rabbit->reading) {
    orr_rabbit_answer(rabbit, request);
    return;
  }
  request->message.deliver = answer_came;
  orr_loop_post(rabbit->loop, &request->message);
}

static void join_now(struct orr_message *message) {
  struct orr_rabbit *rabbit = (struct orr_rabbit *)((char *)message - offsetof(struct orr_rabbit, change));
  struct orr_err err;
  atomic_store(&rabbit->change_posted, false);
  if (!rabbit->connection) return;
  if (orr_rabbit_join(rabbit, &err) == ORR_OK)
    orr_rabbit_read(rabbit);
  else
    orr_rabbit_lose(rabbit, &err);
}

static void changed(struct orr_bus *bus) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  if (!atomic_exchange(&rabbit->change_posted, true)) orr_loop_post(rabbit->loop, &rabbit->change);
}

static void quiet(struct orr_bus *bus) {
  atomic_store(&orr_rabbit_of(bus)->quiet, true);
  changed(bus);
}

/* --- start and end --- */

static void start(struct orr_bus *bus) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  rabbit->thread = pthread_self();
  rabbit->tick = orr_timer_start(rabbit->loop, TICK_MS, TICK_MS, ticked, rabbit);
  rabbit->retry = orr_timer_start(rabbit->loop, 0, 0, try_to_connect, rabbit);
}

static void stop(struct orr_bus *bus) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  struct orr_err err;
  orr_fail(&err, ORR_UNAVAILABLE, "the server ends");
  rabbit->stopping = true;
  if (rabbit->connection && !rabbit->blocked) amqp_connection_close(rabbit->connection, AMQP_REPLY_SUCCESS);
  orr_rabbit_lose(rabbit, &err);
  orr_timer_stop(rabbit->retry);
  orr_timer_stop(rabbit->tick);
  rabbit->retry = rabbit->tick = NULL;
}

static void break_off(struct orr_bus *bus) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  pthread_mutex_lock(&bus->lock);
  if (rabbit->fd >= 0) shutdown(rabbit->fd, SHUT_RDWR);
  pthread_mutex_unlock(&bus->lock);
}

static void destroy(struct orr_bus *bus) {
  struct orr_rabbit *rabbit = orr_rabbit_of(bus);
  char *texts[] = {rabbit->url,  rabbit->user, rabbit->password, rabbit->host,  rabbit->vhost, rabbit->ca,
                   rabbit->cert, rabbit->key,  rabbit->exchange, rabbit->queue, rabbit->prefix};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  free(rabbit->unconfirmed);
  free(rabbit);
}

struct orr_bus *orr_rabbit_create(const struct orr_bus_options *options, struct orr_err *err) {
  static const struct orr_bus_carrier carrier = {.start = start,
                                                 .stop = stop,
                                                 .quiet = quiet,
                                                 .break_off = break_off,
                                                 .destroy = destroy,
                                                 .publish = publish,
                                                 .call = call,
                                                 .answer = answer,
                                                 .changed = changed};
  struct orr_rabbit *rabbit = orr_zalloc(sizeof *rabbit);
  rabbit->bus.carrier = &carrier;
  rabbit->log = options->log;
  rabbit->last_held = &rabbit->held;
  rabbit->change.deliver = join_now;
  rabbit->fd = -1;
  rabbit->loop = options->loop;
  if (orr_rabbit_parse(rabbit, options, err) == ORR_OK) return &rabbit->bus;
  destroy(&rabbit->bus);
  return NULL;
}
