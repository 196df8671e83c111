/* The local scheduler's plug-in: jobs on the machine the server stands on. It holds nothing itself. Every
   verb is sent to the supervisor (supervisor.h), which outlives the server, as bytes (wire.h) and its reports
   are handed on as they are.

   Configuration: `cores` (slots; default: the machine's), `kill_grace` (seconds between SIGTERM and SIGKILL,
   5), `linger` (seconds the supervisor stays with neither jobs nor a server, 10). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "plugin/link.h"
#include "protocol.h"
#include "wire.h"

enum { BATCH_ITEMS = 1000, BATCH_BYTES = 1 << 20, MAX_SUBMITTED = 256 };

struct local {
  struct orr_link *link;
  char *supervisor; /* path of the program */
};

static const char *const fields[] = {
    "name",
    "executable",
    "arguments",
    "script",
    "directory",
    "environment",
    "inherit_environment",
    "stdin_path",
    "stdout_path",
    "stderr_path",
    "resources.node_count",
    "resources.process_count",
    "resources.processes_per_node",
    "resources.cpu_cores_per_process",
    "resources.exclusive_node_use",
    "attributes.duration",
};

/* What `options` of the resource may say, and what the host adds. */
static const struct setting {
  const char *name;
  bool whole;
  double least, most;
} settings[] = {{"cores", true, 1, 1 << 20},
                {"kill_grace", false, 0, 3600},
                {"linger", false, 1, 86400},
                {"timeout_ms", true, 0, 1 << 30}};

static const struct setting *find_setting(const char *name) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (strcmp(settings[i].name, name) == 0) return &settings[i];
  return NULL;
}

static bool check(struct orrery_host *host, const struct orrery_value *config) {
  for (size_t i = 0; i < orrery_count(config); i++) {
    const struct orrery_value *value = orrery_at(config, i);
    const struct setting *setting = find_setting(orrery_key_at(config, i));
    double number = orrery_real(value, NAN);
    if (!setting) {
      orrery_host_fail(host, "there is no option %s; there are cores, kill_grace and linger",
                       orrery_key_at(config, i));
      return false;
    }
    if (!(number >= setting->least && number <= setting->most) ||
        (setting->whole && orrery_kind(value) != ORRERY_INT)) {
      orrery_host_fail(host, "%s must be a %s from %.0f to %.0f", setting->name,
                       setting->whole ? "whole number" : "number", setting->least, setting->most);
      return false;
    }
  }
  return true;
}

static void local_close(void *instance) {
  struct local *self = instance;
  if (self->link) orr_link_close(self->link);
  free(self->supervisor);
  free(self);
}

static void *local_open(struct orrery_host *host, const struct orrery_value *config,
                        struct orrery_value *honours) {
  struct orr_link_options options = {
      .host = host,
      .state = orrery_host_directory(host, "state"),
      .cores = orrery_int(orrery_get(config, "cores"), sysconf(_SC_NPROCESSORS_ONLN)),
      .kill_grace = orrery_real(orrery_get(config, "kill_grace"), 5),
      .linger = orrery_real(orrery_get(config, "linger"), 10),
  };
  if (!check(host, config)) return NULL;
  struct local *self = orr_zalloc(sizeof *self);
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s/orrery-supervisor", orrery_host_directory(host, "plugin"));
  options.supervisor = orr_buf_text(&path);
  self->supervisor = path.data;
  if (access(self->supervisor, X_OK))
    orrery_host_fail(host, "cannot execute %s: %s", self->supervisor, strerror(errno));
  else if (!(self->link = orr_link_open(&options)))
    orrery_host_fail(host, "cannot start a thread");
  if (!self->link) return local_close(self), NULL;
  struct orrery_value *honoured = orrery_set_list(honours, "fields");
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) orrery_add_text(honoured, fields[i]);
  orrery_set_bool(honours, "inputs", true);
  orrery_set_int(honours, "cores", options.cores);
  orrery_set_int(honours, "array_size", 0);
  orrery_set_int(honours, "max_submitted", MAX_SUBMITTED);
  return self;
}

/* --- verbs: requests and their reports --------------------------------------------------------------- */

/* Writes a request about the items from `first` on, as many as fit; returns the first it is not about. */
static size_t write_request(struct orrery_call *call, const char *verb, size_t first,
                            struct orr_buf *request) {
  const struct orrery_value *items = orrery_call_items(call);
  size_t i = first;
  request->size = 0;
  orr_wire_map(request, NULL);
  orr_wire_text(request, "verb", verb);
  orr_wire_value(request, "name", orrery_call_get(call, "name"));
  orr_wire_list(request, "items");
  for (; i < orrery_count(items) && i - first < BATCH_ITEMS && request->size < BATCH_BYTES; i++) {
    size_t before = request->size;
    orr_wire_value(request, NULL, orrery_at(items, i));
    if (request->size < ORR_FRAME_MAX - BATCH_BYTES || i == first) continue;
    request->size = before; /* a huge one: it goes alone */
    break;
  }
  orr_wire_end_list(request);
  orr_wire_end_map(request);
  return i;
}

/* Hands the reply's reports on, errors included: they look as the host's do. What it has none for stays
   unreported, which means unknown. */
static void read_reply(struct orrery_call *call, size_t first, size_t end, const struct orr_buf *reply) {
  struct orr_wire in = {reply->data, reply->data + reply->size};
  bool good = orr_wire_enter_list(&in);
  for (size_t i = first; good && i < end && orr_wire_more(&in); i++) {
    struct orrery_value *report = orrery_report(call, i);
    good = orr_wire_read_map(&in, report);
    if (!good) orrery_set_text(orrery_set_map(report, "error"), "class", "unknown");
    orrery_report_send(call, i, report);
  }
}

/* find has an answer of its own for not knowing. */
static void report_failure(struct orrery_call *call, const char *verb, size_t first, size_t end,
                           enum orrery_error error, const char *why) {
  for (size_t i = first; i < end; i++) {
    if (strcmp(verb, "find") != 0) {
      orrery_report_error(call, i, error, "%s", why);
      continue;
    }
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "answer", "unknown");
    orrery_report_send(call, i, report);
  }
}

/* Asks about the items first … end - 1. A supervisor that dies over a request may or may not have acted on
   it; as its tags and states are in its journal, its successor can be asked again. A signal is sent only
   once. */
static void ask(struct local *self, struct orrery_call *call, const char *verb, size_t first, size_t end,
                const struct orr_buf *request) {
  int64_t deadline = orr_clock_ms() + orrery_call_left_ms(call);
  struct orr_buf reply = {0};
  char problem[ORR_PROBLEM];
  enum orr_answer answer = orr_link_ask(self->link, request, deadline, &reply, problem);
  if (answer == ORR_NO_ANSWER && strcmp(verb, "signal") != 0 && orrery_call_left_ms(call) > 0) {
    answer = orr_link_ask(self->link, request, deadline, &reply, problem);
    if (answer == ORR_NOT_ASKED) answer = ORR_NO_ANSWER; /* the first time it may have been */
  }
  if (answer == ORR_ANSWERED)
    read_reply(call, first, end, &reply);
  else if (answer == ORR_NOT_ASKED)
    report_failure(call, verb, first, end, ORRERY_UNAVAILABLE, problem);
  else
    report_failure(call, verb, first, end, ORRERY_UNKNOWN, "the supervisor died over the request");
  orr_buf_free(&reply);
}

static void forward(void *instance, struct orrery_call *call, const char *verb) {
  struct orr_buf request = {0};
  size_t count = orrery_count(orrery_call_items(call)), end;
  for (size_t first = 0; first < count; first = end) {
    end = write_request(call, verb, first, &request);
    if (request.size > ORR_FRAME_MAX)
      report_failure(call, verb, first, end, ORRERY_REJECTED, "the submission is larger than 16 MiB");
    else
      ask(instance, call, verb, first, end, &request);
  }
  orr_buf_free(&request);
}

static void local_submit(void *self, struct orrery_call *call) { forward(self, call, "submit"); }
static void local_monitor(void *self, struct orrery_call *call) { forward(self, call, "monitor"); }
static void local_cancel(void *self, struct orrery_call *call) { forward(self, call, "cancel"); }
static void local_find(void *self, struct orrery_call *call) { forward(self, call, "find"); }
static void local_suspend(void *self, struct orrery_call *call) { forward(self, call, "suspend"); }
static void local_resume(void *self, struct orrery_call *call) { forward(self, call, "resume"); }
static void local_hold(void *self, struct orrery_call *call) { forward(self, call, "hold"); }
static void local_release(void *self, struct orrery_call *call) { forward(self, call, "release"); }
static void local_signal(void *self, struct orrery_call *call) { forward(self, call, "signal"); }
static void local_status(void *self, struct orrery_call *call) { forward(self, call, "status"); }

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "local",
    .version = ORRERY_VERSION,
    .open = local_open,
    .close = local_close,
    .submit = local_submit,
    .monitor = local_monitor,
    .cancel = local_cancel,
    .find = local_find,
    .suspend = local_suspend,
    .resume = local_resume,
    .hold = local_hold,
    .release = local_release,
    .signal = local_signal,
    .status = local_status,
};
