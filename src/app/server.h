/* The server: built once by orr_serve, then constant but for what its parts guard themselves. Who may include
   this file is wiring; the floors below see only what is handed to them. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "base/log.h"
#include "base/value.h"
#include "bind/house.h"
#include "bind/plugin.h"
#include "bus/bus.h"
#include "http/http.h"
#include "script/watchdog.h"
#include "store/store.h"
#include "transport/transport.h"

struct orr_paths {
  char *lua, *migrations, *schedulers; /* schedulers: folders separated by ':' */
};
/* Where the program's own files are, seen from its executable: an installed prefix or a build tree. */
int orr_paths_find(struct orr_paths *paths, struct orr_err *err);
void orr_paths_free(struct orr_paths *paths);

struct orr_server {
  const struct orrery_value *config;
  struct orr_paths paths;
  const char *data;       /* the data directory, absolute */
  const char *schedulers; /* where plug-ins are looked for: the site's folders, then ours */
  int lock_fd;
  struct orr_log log;
  struct orr_ids ids;
  struct orr_store *store;
  struct orr_watchdog *watchdog;
  struct orr_lanes *lanes;
  struct orr_transports *transports;
  struct orr_bus *bus;
  struct orr_loop *loop; /* the main thread's: signals and the order of shutdown */
  int listen_fd, port;
  char url[300];
  int64_t started_ms;
  struct orr_worker *control, *bus_worker, **api; /* bus_worker: NULL, where there is no broker */
  int api_count;
  struct orr_stats *stats; /* see stats.h */
};

/* Makes the message bus that the configuration describes, and the worker that it needs for a broker. */
int orr_server_make_bus(struct orr_server *server, struct orr_err *err);

/* As many descriptors as the configuration lets clients take, if the system allows; else the log says so. */
void orr_descriptors_raise(const struct orrery_value *config, const struct orr_log *log);

/* Messages to the main loop. */
void orr_server_ready(struct orr_message *message);   /* the control worker is in order, or has failed */
void orr_server_began(struct orr_message *message);   /* an API worker serves, or has failed */
void orr_server_drained(struct orr_message *message); /* a worker has nothing left to answer */

/* Serves until SIGTERM or SIGINT; the exit code of the program. */
int orr_serve(const struct orrery_value *config);
/* Checks a plug-in against its contract (`check` in the configuration says which); the exit code. */
int orr_check(const struct orrery_value *config);

/* Exit codes, as sysexits has them. */
enum {
  ORR_EXIT_OK = 0,
  ORR_EXIT_FAILED = 1,
  ORR_EXIT_USAGE = 64,
  ORR_EXIT_UNAVAILABLE = 69,
  ORR_EXIT_IO = 74,
  ORR_EXIT_CONFIG = 78
};
