/* The control worker's resource workers, by name. See resources.c for what Lua sees. */
#pragma once
#include "bind/plugin.h"
#include "loop/loop.h"

struct orr_resources;

struct orr_resources *orr_resources_create(struct orr_loop *home, const struct orr_plugin_loading *loading,
                                           struct orr_transports *transports, const char *plugin_folders,
                                           const char *state_directory);
/* Stops every worker, each within so much time, at the end and once. False: one hangs, and with it memory that cannot
   be freed. */
bool orr_resources_stop(struct orr_resources *resources, int64_t timeout_ms);
/* After its loop, which may still deliver what the workers said last. NULL is legal. */
void orr_resources_destroy(struct orr_resources *resources);
