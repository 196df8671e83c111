#include "bind/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bind/house.h"
#include "bind/value.h"

enum { CLOSE_MS = 1000 }; /* for one that did not open */

struct late {
  char *account;
  int calls;
  struct late *next;
};

struct orr_instance {
  struct orr_message
      parted;   /* posted when its worker has ended or was left behind, after the last of its words */
  bool parting; /* that is on its way */
  char *name;
  struct orr_resource *worker;
  struct orr_starting it;
  struct orr_timer *overdue;
  struct orr_err why; /* what whoever waits for its start is told when it is stopped */
  struct late *late;  /* of each account that was ever called for */
  bool open, ended;
  struct orr_instance *next; /* of those left behind */
};

static void destroy(struct orr_instance *instance) {
  while (instance->late) {
    struct late *late = instance->late;
    instance->late = late->next;
    free(late->account);
    free(late);
  }
  orr_transport_release(instance->it.loading.transport);
  free(instance->name);
  free(instance);
}

static void part(struct orr_instance *instance) {
  instance->parting = true;
  orr_loop_post(instance->it.home, &instance->parted);
}

static void parted(struct orr_message *message) {
  struct orr_instance *instance = (struct orr_instance *)message;
  struct orr_ticket ticket = instance->it.ticket;
  lua_State *L = orr_ticket_state(ticket);
  int results = L ? orr_push_failure(L, &instance->why) : 0;
  instance->parting = false;
  if (instance->ended) destroy(instance);
  if (L) orr_ticket_resume(ticket, results);
}

bool orr_instance_stop(struct orr_instance *instance, int64_t timeout_ms) {
  if (!instance) return true;
  struct orr_left *left = instance->it.left;
  bool ended = instance->ended = orr_resource_stop(instance->worker, timeout_ms);
  if (!ended) instance->next = left->first, left->first = instance;
  orr_timer_stop(instance->overdue);
  instance->overdue = NULL;
  *instance->it.place = NULL;
  instance->it.place = NULL;
  part(instance);
  return ended;
}

/* --- how it begins --- */

static int push_info(lua_State *L, const struct orr_opened *opened) {
  const struct orr_plugin *plugin = opened->plugin;
  lua_createtable(L, 0, 8);
  lua_pushstring(L, plugin->name), lua_setfield(L, -2, "name");
  lua_pushstring(L, plugin->version), lua_setfield(L, -2, "version");
  lua_pushstring(L, plugin->language), lua_setfield(L, -2, "language");
  lua_pushstring(L, plugin->path), lua_setfield(L, -2, "path");
  lua_pushfstring(L, "%d.%d", plugin->abi_major, plugin->abi_minor), lua_setfield(L, -2, "abi");
  lua_newtable(L);
  for (int verb = 0; verb < ORR_VERBS; verb++)
    if (orr_plugin_has(plugin, (enum orr_verb)verb)) {
      lua_pushboolean(L, true);
      lua_setfield(L, -2, orr_verb_name((enum orr_verb)verb));
    }
  lua_setfield(L, -2, "verbs");
  orr_push_value(L, opened->honours), lua_setfield(L, -2, "honours");
  return 1;
}

static void opened(struct orr_message *message) {
  struct orr_opened *opened = (struct orr_opened *)message;
  struct orr_instance *instance = opened->user;
  struct orr_ticket ticket = instance->it.ticket;
  bool running = instance->it.place != NULL, good = opened->err.code == ORR_OK;
  lua_State *L = running ? orr_ticket_state(ticket) : NULL;
  int results = !L ? 0 : good ? push_info(L, opened) : orr_push_failure(L, &opened->err);
  orr_timer_stop(instance->overdue);
  instance->overdue = NULL;
  instance->open = good;
  if (running && !good) orr_instance_stop(instance, CLOSE_MS); /* its thread has ended or is ending */
  free(opened);
  if (L) orr_ticket_resume(ticket, results);
}

static void changed(struct orr_message *message) {
  struct orr_changed *changed = (struct orr_changed *)message;
  struct orr_instance *instance = changed->user;
  if (instance->it.place)
    orr_gather_add(instance->it.changes, changed);
  else
    free(changed);
}

static void overdue(void *data) {
  struct orr_instance *instance = data;
  orr_fail(&instance->why, ORR_TIMEOUT, "the plug-in hangs in open");
  orr_instance_stop(instance, CLOSE_MS);
}

int orr_instance_start(const struct orr_starting *starting, struct orr_err *err) {
  struct orr_instance *instance = orr_alloc(sizeof *instance);
  *instance = (struct orr_instance){.parted.deliver = parted, .it = *starting};
  struct orr_resource_options *options = &instance->it.options;
  options->home = starting->home;
  options->opened = opened;
  options->changed = changed;
  options->user = instance;
  options->load = orr_plugin_load_any;
  options->load_data = &instance->it.loading;
  instance->name = orr_strdup(options->name);
  orr_fail(&instance->why, ORR_UNAVAILABLE, "the resource was stopped while it started");
  instance->worker = orr_resource_start(options, err);
  if (!instance->worker) {
    destroy(instance);
    return err->code;
  }
  instance->overdue = orr_timer_start(starting->home, starting->timeout_ms, 0, overdue, instance);
  *starting->place = instance;
  return ORR_OK;
}

/* --- while it runs --- */

void orr_instance_move(struct orr_instance **from, struct orr_instance **to) {
  struct orr_instance *instance = *from;
  *from = NULL;
  *to = instance;
  instance->it.place = to;
}

bool orr_instance_is_open(const struct orr_instance *instance) { return instance->open; }
struct orr_resource *orr_instance_worker(struct orr_instance *instance) {
  return instance->worker;
}
int *orr_instance_hanging(struct orr_instance *instance, const char *account) {
  const char *name = account ? account : "";
  for (struct late *late = instance->late; late; late = late->next)
    if (strcmp(late->account, name) == 0) return &late->calls;
  struct late *late = orr_zalloc(sizeof *late);
  *late = (struct late){.account = orr_strdup(name), .next = instance->late};
  instance->late = late;
  return &late->calls;
}

/* --- those left behind --- */

int orr_left_hanging(struct orr_left *left, const char *name) {
  int count = 0;
  for (struct orr_instance **at = &left->first; *at;) {
    struct orr_instance *instance = *at;
    if (!instance->parting && orr_resource_stop(instance->worker, 0)) {
      *at = instance->next;
      instance->ended = true;
      part(instance); /* what it said since its stop is still on the way */
    } else {
      count += strcmp(instance->name, name) == 0;
      at = &instance->next;
    }
  }
  return count;
}

bool orr_left_stop(struct orr_left *left, int64_t timeout_ms) {
  bool ended = true;
  for (struct orr_instance *instance = left->first; instance; instance = instance->next)
    ended = orr_resource_stop(instance->worker, timeout_ms) && ended;
  return ended;
}

void orr_left_free(struct orr_left *left) {
  while (left->first) {
    struct orr_instance *instance = left->first;
    left->first = instance->next;
    destroy(instance);
  }
}
