#include "sched/resource.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

struct orr_resource {
  pthread_t thread;
  struct orr_loop *loop;
  struct orr_resource_options options;
  char *name, *path, *state_directory, *plugin_directory;
  struct orr_arena *arena;
  struct orrery_value *config, *honours;
  struct orrery_host host;
  struct orr_plugin *plugin;
  bool open; /* there is an instance; calls that come before or after go straight home */
};

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? orr_strndup(path, (size_t)(slash - path)) : orr_strdup(".");
}

static void plugin_changed(void *data, const char *native_id) {
  struct orr_resource *resource = data;
  size_t size = strlen(native_id) + 1;
  struct orr_changed *changed = orr_alloc(sizeof *changed + size);
  changed->message.deliver = resource->options.changed;
  changed->user = resource->options.user;
  memcpy(changed->native_id, native_id, size);
  orr_loop_post(resource->options.home, &changed->message);
}

static void instance_opened(void *data, int code) {
  struct orr_resource *resource = data;
  struct orr_opened *opened = orr_alloc(sizeof *opened);
  *opened = (struct orr_opened){.message = {.deliver = resource->options.opened},
                                .user = resource->options.user,
                                .err = resource->host.failure,
                                .plugin = resource->plugin,
                                .honours = resource->honours};
  opened->err.code = (enum orr_code)code;
  resource->open = code == ORR_OK;
  if (code != ORR_OK) orr_loop_stop(resource->loop);
  orr_loop_post(resource->options.home, &opened->message);
}

static void *work(void *data) {
  struct orr_resource *resource = data;
  const struct orr_resource_options *options = &resource->options;
  struct orr_err *err = &resource->host.failure;
  pthread_setname_np(pthread_self(), "resource");
  resource->plugin = options->load(resource->path, resource->loop, resource->name, options->load_data, err);
  if (!resource->plugin) {
    instance_opened(resource, err->code ? err->code : ORR_INVALID);
    return NULL;
  }
  resource->plugin->ops->open(resource->plugin, &resource->host, resource->config, resource->honours,
                              instance_opened, resource);
  orr_loop_run(resource->loop);
  resource->open = false;
  resource->plugin->ops->close(resource->plugin);
  return NULL;
}

struct orr_resource *orr_resource_start(const struct orr_resource_options *options, struct orr_err *err) {
  struct orr_loop *loop = orr_loop_create(err);
  if (!loop) return NULL;
  struct orr_resource *resource = orr_zalloc(sizeof *resource);
  resource->loop = loop;
  resource->options = *options;
  resource->name = orr_strdup(options->name);
  resource->path = orr_strdup(options->path);
  resource->state_directory = orr_strdup(options->state_directory);
  resource->plugin_directory = folder_of(options->path);
  resource->arena = orr_arena_create();
  resource->config = orr_arena_zalloc(resource->arena, sizeof *resource->config);
  if (options->config) orr_value_copy(resource->config, resource->arena, options->config);
  resource->honours = orr_value_map(resource->arena);
  resource->host = (struct orrery_host){.resource = resource->name,
                                        .state_directory = resource->state_directory,
                                        .plugin_directory = resource->plugin_directory,
                                        .log = options->log,
                                        .changed = plugin_changed,
                                        .data = resource};
  int code = pthread_create(&resource->thread, NULL, work, resource);
  if (code == 0) return resource;
  orr_fail(err, ORR_IO, "cannot start a thread for resource %s: %s", options->name, strerror(code));
  abort(); /* a process that cannot have threads cannot go on */
}

static void run(struct orr_message *message) {
  struct orrery_call *call = (struct orrery_call *)message;
  struct orr_resource *resource = call->worker;
  if (!resource->open) {
    orr_call_finish(call, ORR_UNAVAILABLE, "the resource is not open");
    return;
  }
  if (!orr_plugin_has(resource->plugin, call->verb)) {
    orr_call_finish(call, ORR_NOT_FOUND, "the plug-in does not have this verb");
    return;
  }
  resource->plugin->ops->run(resource->plugin, call);
}

void orr_resource_call(struct orr_resource *resource, struct orrery_call *call) {
  call->worker = resource;
  call->message.deliver = run;
  orr_loop_post(resource->loop, &call->message);
}

static bool join(struct orr_resource *resource, int64_t timeout_ms) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += timeout_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  return pthread_timedjoin_np(resource->thread, NULL, &until) == 0;
}

bool orr_resource_stop(struct orr_resource *resource, int64_t timeout_ms) {
  orr_loop_stop(resource->loop);
  if (!join(resource, timeout_ms)) return false;
  orr_loop_destroy(resource->loop);
  if (resource->plugin) resource->plugin->ops->destroy(resource->plugin);
  orr_arena_destroy(resource->arena);
  free(resource->name);
  free(resource->path);
  free(resource->state_directory);
  free(resource->plugin_directory);
  free(resource);
  return true;
}
