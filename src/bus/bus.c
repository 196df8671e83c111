/* The page of bus.h: what is the same for both carriers. */
#include "bus/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/carrier.h"

struct orr_bus *orr_bus_create(const struct orr_bus_options *options, struct orr_err *err) {
  struct orr_bus *bus = options->url ? orr_rabbit_create(options, err) : orr_embedded_create(options);
  if (!bus) return NULL;
  pthread_mutex_init(&bus->lock, NULL);
  bus->state.embedded = options->url == NULL;
  bus->state.since_ms = orr_wall_ms();
  return bus;
}

void orr_bus_start(struct orr_bus *bus) { bus->carrier->start(bus); }
void orr_bus_stop(struct orr_bus *bus) { bus->carrier->stop(bus); }
void orr_bus_quiet(struct orr_bus *bus) { bus->carrier->quiet(bus); }
void orr_bus_break(struct orr_bus *bus) { bus->carrier->break_off(bus); }

void orr_bus_destroy(struct orr_bus *bus) {
  if (!bus) return;
  while (bus->subscribers) {
    struct orr_subscriber *gone = bus->subscribers;
    bus->subscribers = gone->next;
    free(gone->pattern);
    free(gone->user);
    free(gone);
  }
  free(bus->server);
  pthread_mutex_destroy(&bus->lock);
  bus->carrier->destroy(bus);
}

void orr_bus_state(struct orr_bus *bus, struct orr_bus_state *state) {
  pthread_mutex_lock(&bus->lock);
  *state = bus->state;
  pthread_mutex_unlock(&bus->lock);
}

void orr_bus_count(struct orr_bus *bus, int64_t *counter, int64_t more) {
  pthread_mutex_lock(&bus->lock);
  *counter += more;
  pthread_mutex_unlock(&bus->lock);
}

/* --- subscribers and servers --- */

void orr_bus_subscribe(struct orr_bus *bus, const char *pattern, struct orr_loop *home,
                       void (*arrived)(struct orr_message *message), void *user) {
  struct orr_subscriber *subscriber = orr_alloc(sizeof *subscriber);
  *subscriber = (struct orr_subscriber){NULL, orr_strdup(pattern), home, arrived, user};
  pthread_mutex_lock(&bus->lock);
  subscriber->next = bus->subscribers;
  bus->subscribers = subscriber;
  pthread_mutex_unlock(&bus->lock);
  bus->carrier->changed(bus);
}

void orr_bus_hand_out(struct orr_bus *bus, const char *key, const void *body, size_t size) {
  pthread_mutex_lock(&bus->lock);
  for (struct orr_subscriber *it = bus->subscribers; it; it = it->next) {
    if (!orr_bus_matches(it->pattern, key)) continue;
    struct orr_bus_event *event = orr_zalloc(sizeof *event);
    event->message.deliver = it->arrived;
    event->user = it->user;
    event->key = orr_strdup(key);
    orr_buf_put(&event->body, body, size);
    orr_loop_post(it->home, &event->message);
  }
  pthread_mutex_unlock(&bus->lock);
}

void orr_bus_event_free(struct orr_bus_event *event) {
  free(event->key);
  orr_buf_free(&event->body);
  free(event);
}

void orr_bus_serve(struct orr_bus *bus, struct orr_loop *home, void (*arrived)(struct orr_message *message),
                   void *user) {
  struct orr_subscriber *server = orr_alloc(sizeof *server);
  *server = (struct orr_subscriber){NULL, NULL, home, arrived, user};
  pthread_mutex_lock(&bus->lock);
  free(bus->server);
  bus->server = server;
  pthread_mutex_unlock(&bus->lock);
  bus->carrier->changed(bus);
}

bool orr_bus_hand_over(struct orr_bus *bus, struct orr_bus_request *request) {
  struct orr_loop *home = NULL;
  request->bus = bus;
  pthread_mutex_lock(&bus->lock);
  if (bus->server) {
    home = bus->server->home;
    request->user = bus->server->user;
    request->message.deliver = bus->server->arrived;
  }
  pthread_mutex_unlock(&bus->lock);
  if (home) orr_loop_post(home, &request->message);
  return home != NULL;
}

/* --- publications --- */

struct orr_publication *orr_publication_create(struct orr_loop *home, void (*done)(struct orr_publication *),
                                               void *user) {
  struct orr_publication *publication = orr_zalloc(sizeof *publication);
  publication->home = home;
  publication->done = done;
  publication->user = user;
  return publication;
}

static void put_part(struct orr_buf *letters, const void *bytes, size_t size) {
  orr_buf_put(letters, &size, sizeof size);
  orr_buf_put(letters, bytes, size);
}

void orr_publication_add(struct orr_publication *publication, const char *key, const char *id, size_t id_size,
                         const void *body, size_t size) {
  put_part(&publication->letters, key, strlen(key) + 1);
  put_part(&publication->letters, id, id_size);
  put_part(&publication->letters, body, size);
  publication->count++;
}

static const char *take_part(const struct orr_publication *publication, size_t *at, size_t *size) {
  memcpy(size, publication->letters.data + *at, sizeof *size);
  const char *part = publication->letters.data + *at + sizeof *size;
  *at += sizeof *size + *size;
  return part;
}

size_t orr_publication_letter(const struct orr_publication *publication, size_t at,
                              struct orr_letter *letter) {
  letter->key = take_part(publication, &at, &letter->key_size);
  letter->key_size--; /* its NUL */
  letter->id = take_part(publication, &at, &letter->id_size);
  letter->body = take_part(publication, &at, &letter->size);
  return at;
}

void orr_publication_free(struct orr_publication *publication) {
  orr_buf_free(&publication->letters);
  free(publication);
}

void orr_bus_publish(struct orr_bus *bus, struct orr_publication *publication) {
  publication->bus = bus;
  orr_loop_expect(publication->home, 1);
  bus->carrier->publish(bus, publication);
}

static void publication_is_home(struct orr_message *message) {
  struct orr_publication *publication = (struct orr_publication *)message;
  orr_loop_expect(publication->home, -1);
  publication->done(publication);
}

void orr_publication_home(struct orr_publication *publication) {
  publication->message.deliver = publication_is_home;
  orr_loop_post(publication->home, &publication->message);
}

/* --- calls --- */

struct orr_bus_call *orr_bus_call_create(struct orr_loop *home, void (*done)(struct orr_bus_call *),
                                         void *user) {
  struct orr_bus_call *call = orr_zalloc(sizeof *call);
  call->home = home;
  call->done = done;
  call->user = user;
  return call;
}

void orr_bus_call_free(struct orr_bus_call *call) {
  free(call->service);
  free(call->method);
  free(call->id);
  orr_buf_free(&call->body);
  orr_buf_free(&call->answer);
  free(call);
}

void orr_bus_call(struct orr_bus *bus, struct orr_bus_call *call) {
  call->bus = bus;
  orr_loop_expect(call->home, 1);
  orr_bus_count(bus, &bus->state.calls, 1);
  bus->carrier->call(bus, call);
}

static void call_is_home(struct orr_message *message) {
  struct orr_bus_call *call = (struct orr_bus_call *)message;
  orr_loop_expect(call->home, -1);
  call->done(call);
}

void orr_bus_call_home(struct orr_bus_call *call) {
  if (call->err.code != ORR_OK) orr_bus_count(call->bus, &call->bus->state.failed_calls, 1);
  call->message.deliver = call_is_home;
  orr_loop_post(call->home, &call->message);
}

void orr_bus_answer(struct orr_bus_request *request) { request->bus->carrier->answer(request->bus, request); }

void orr_bus_request_drop(struct orr_bus_request *request) {
  request->status = -1;
  orr_bus_answer(request);
}

void orr_bus_request_free(struct orr_bus_request *request) {
  free(request->method);
  free(request->id);
  free(request->reply_to);
  free(request->correlation);
  orr_buf_free(&request->body);
  orr_buf_free(&request->answer);
  free(request);
}
