/* What the two carriers are to bus.c, and what they share. Nobody outside includes it. */
#pragma once
#include <pthread.h>

#include "bus/bus.h"

struct orr_bus_carrier {
  void (*start)(struct orr_bus *bus);
  void (*stop)(struct orr_bus *bus);
  void (*quiet)(struct orr_bus *bus);
  void (*break_off)(struct orr_bus *bus);
  void (*destroy)(struct orr_bus *bus);
  void (*publish)(struct orr_bus *bus, struct orr_publication *publication);
  void (*call)(struct orr_bus *bus, struct orr_bus_call *call);
  void (*answer)(struct orr_bus *bus, struct orr_bus_request *request);
  void (*changed)(struct orr_bus *bus); /* there are more subscribers, or somebody serves now */
};

/* Who is given what comes: events, or calls. */
struct orr_subscriber {
  struct orr_subscriber *next;
  char *pattern; /* of calls: NULL */
  struct orr_loop *home;
  void (*arrived)(struct orr_message *message);
  void *user;
};

/* What every carrier begins with. */
struct orr_bus {
  const struct orr_bus_carrier *carrier;
  pthread_mutex_t lock; /* guards all below */
  struct orr_bus_state state;
  struct orr_subscriber *subscribers;
  struct orr_subscriber *server; /* who serves; NULL: nobody */
};

struct orr_bus *orr_embedded_create(const struct orr_bus_options *options);
struct orr_bus *orr_rabbit_create(const struct orr_bus_options *options, struct orr_err *err);

/* Any thread. */
void orr_bus_count(struct orr_bus *bus, int64_t *counter, int64_t more); /* a member of bus->state */
void orr_publication_home(struct orr_publication *publication);
void orr_bus_call_home(struct orr_bus_call *call);
void orr_bus_request_free(struct orr_bus_request *request);
/* Gives an event to those whose pattern its key matches. */
void orr_bus_hand_out(struct orr_bus *bus, const char *key, const void *body, size_t size);
/* Gives a call to who serves. False: nobody does. */
bool orr_bus_hand_over(struct orr_bus *bus, struct orr_bus_request *request);

/* The letter at `at` of a publication; returns where the next one begins. What it points to is the publication's. */
struct orr_letter {
  const char *key, *id, *body;
  size_t key_size, id_size, size;
};
size_t orr_publication_letter(const struct orr_publication *publication, size_t at,
                              struct orr_letter *letter);
