/* Descriptors: a server that may have 20,000 connections needs more of them than a process is given at first. The soft limit is
   raised as far as the configuration's own limits ask, and no further, since children inherit it. */
#include <sys/resource.h>

#include "app/server.h"

enum { BESIDE = 1024 }; /* for everything that is no connection of a client */

void orr_descriptors_raise(const struct orrery_value *config, const struct orr_log *log) {
  int64_t each = orrery_int(orrery_get(config, "http.connections"), 0) +
                 orrery_int(orrery_get(config, "events.streams"), 0);
  rlim_t needed = (rlim_t)(orrery_int(orrery_get(config, "workers"), 1) * each + BESIDE);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= needed) return;
  orr_log(
      log, ORR_LOG_INFO,
      "fewer descriptors than http.connections and events.streams may need: raise ulimit -Hn or lower them",
      ORR_I("descriptors", (int64_t)limit.rlim_cur), ORR_I("needed", (int64_t)needed));
}
