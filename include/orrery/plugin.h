/* What a scheduler plug-in written in C includes: the job-control interface (verbs, reports, error classes)
   and the services its host offers. A plug-in is a shared object that exports one constant data symbol:

     const struct orrery_plugin orrery_plugin = {ORRERY_ABI_MAJOR, ORRERY_ABI_MINOR, .name = "fake", ...};

   Every verb has the same shape: it is given a call, reads the call's items, and reports on each of them, as
   soon as it knows. The members that items and reports have are the table in schedulers/README.md; they are
   the same for plug-ins written in Lua. Verbs of one instance are called one at a time, on the resource's own
   thread, and may block until the call's deadline. What a verb leaves unreported is taken as `unknown`. A
   verb that is not there (NULL) is one the scheduler does not have; open, submit, monitor, cancel and find
   are required. */
#pragma once
#include <orrery/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORRERY_ABI_MAJOR 1 /* a plug-in with another major is refused */
#define ORRERY_ABI_MINOR 0 /* a plug-in with a newer minor is refused; an older one is served */

struct orrery_host; /* the house, seen by one instance; valid from open to the end of close */
struct orrery_call; /* one call of a verb */

typedef void orrery_verb(void *instance, struct orrery_call *call);

struct orrery_plugin {
  uint32_t abi_major, abi_minor;
  const char *name, *version;
  /* Checks `config` (the resource's own, a map) and makes an instance. What the instance honours goes into
     `honours` (a map: fields, limits, array size). On failure: report why with orrery_host_fail and return
     NULL. */
  void *(*open)(struct orrery_host *host, const struct orrery_value *config, struct orrery_value *honours);
  void (*close)(void *instance);
  orrery_verb *submit, *monitor, *cancel, *find;
  orrery_verb *suspend, *resume, *hold, *release, *signal, *alter, *status, *estimate;
};

/* --- the call --- */

/* The items of the call: a list with one map (or, for find, one map with `tag`) for each thing asked about.
   status has a single, empty item. */
ORRERY_API const struct orrery_value *orrery_call_items(const struct orrery_call *call);
/* A member of the call as a whole: `name` of signal, `changes` of alter, `account`. */
ORRERY_API const struct orrery_value *orrery_call_get(const struct orrery_call *call, const char *path);
/* Milliseconds left until the house gives up waiting; 0 when it has. */
ORRERY_API int64_t orrery_call_left_ms(const struct orrery_call *call);

/* A report: take an empty map for item i, fill it, send it. Each item is reported once; later reports are
   ignored. */
ORRERY_API struct orrery_value *orrery_report(struct orrery_call *call, size_t i);
ORRERY_API void orrery_report_send(struct orrery_call *call, size_t i, struct orrery_value *report);
/* Shorthands: all went well, with nothing to say; or an error of a class. */
ORRERY_API void orrery_report_ok(struct orrery_call *call, size_t i);

enum orrery_error {
  ORRERY_REJECTED,    /* the user's fault: a bad option, no such queue; never tried again as it is */
  ORRERY_BUSY,        /* a limit is reached: try later; certainly nothing happened */
  ORRERY_UNAVAILABLE, /* the scheduler is down: back off; certainly nothing happened */
  ORRERY_UNKNOWN      /* it may or may not have happened: the house will ask find */
};
__attribute__((format(printf, 4, 5))) ORRERY_API void
orrery_report_error(struct orrery_call *call, size_t i, enum orrery_error error, const char *format, ...);

/* --- the host --- */

enum orrery_level { ORRERY_DEBUG, ORRERY_INFO, ORRERY_WARN, ORRERY_ERROR };

__attribute__((format(printf, 3, 4))) ORRERY_API void
orrery_log(struct orrery_host *host, enum orrery_level level, const char *format, ...);
/* Says in words why open fails. */
__attribute__((format(printf, 2, 3))) ORRERY_API void orrery_host_fail(struct orrery_host *host,
                                                                       const char *format, ...);
/* The native job changed: the house calls monitor for it soon instead of at the next poll. May be called from
   any thread until close returns. An unknown or finished id is ignored. */
ORRERY_API void orrery_changed(struct orrery_host *host, const char *native_id);
/* Where the instance may keep files: "state" (private, durable, survives restarts), "plugin" (the folder the
   plug-in was loaded from). Absolute, no trailing slash. */
ORRERY_API const char *orrery_host_directory(struct orrery_host *host, const char *which);

#ifdef __cplusplus
}
#endif
