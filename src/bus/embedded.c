/* The embedded carrier: within the process. Events reach those who subscribe, and calls of the service "orrery" those who
   serve; there is nobody else. It never fails and never waits. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bus/carrier.h"

static void publish(struct orr_bus *bus, struct orr_publication *publication) {
  struct orr_letter letter;
  for (size_t at = 0; at < publication->letters.size;) {
    at = orr_publication_letter(publication, at, &letter);
    orr_bus_hand_out(bus, letter.key, letter.body, letter.size);
  }
  orr_bus_count(bus, &bus->state.published, publication->count);
  orr_bus_count(bus, &bus->state.confirmed, publication->count);
  orr_publication_home(publication);
}

static void call(struct orr_bus *bus, struct orr_bus_call *it) {
  struct orr_bus_request *request = orr_zalloc(sizeof *request);
  *request = (struct orr_bus_request){.method = orr_strdup(it->method),
                                      .id = orr_strdup(it->id),
                                      .body = it->body,
                                      .size = it->body.size,
                                      .awaits = true,
                                      .call = it};
  it->body = (struct orr_buf){0};
  if (strcmp(it->service, "orrery") == 0 && orr_bus_hand_over(bus, request)) return;
  orr_bus_request_free(request);
  orr_fail(&it->err, ORR_UNAVAILABLE, "the service %s is on no bus: the configuration names no broker (bus)",
           it->service);
  orr_bus_call_home(it);
}

static void answer(struct orr_bus *bus, struct orr_bus_request *request) {
  struct orr_bus_call *it = request->call;
  if (request->status > 0) {
    memcpy(it->content_type, request->content_type, sizeof it->content_type);
    it->answer = request->answer;
    request->answer = (struct orr_buf){0};
    orr_bus_count(bus, &bus->state.served, 1);
  } else {
    orr_fail(&it->err, ORR_UNAVAILABLE, "the call was not carried out");
    orr_bus_count(bus, &bus->state.rejected, 1);
  }
  orr_bus_request_free(request);
  orr_bus_call_home(it);
}

static void nothing(struct orr_bus *bus) { (void)bus; }

static void destroy(struct orr_bus *bus) { free(bus); }

struct orr_bus *orr_embedded_create(const struct orr_bus_options *options) {
  static const struct orr_bus_carrier carrier = {.start = nothing,
                                                 .stop = nothing,
                                                 .quiet = nothing,
                                                 .break_off = nothing,
                                                 .destroy = destroy,
                                                 .publish = publish,
                                                 .call = call,
                                                 .answer = answer,
                                                 .changed = nothing};
  (void)options;
  struct orr_bus *bus = orr_zalloc(sizeof *bus);
  bus->carrier = &carrier;
  bus->state.up = true;
  return bus;
}
