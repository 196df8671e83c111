/* Accepts every job, and then talks nonsense: states that do not exist, members of the wrong type, two
   reports about one item, reports about items that are not there, answers and error classes nobody knows. */
#include <orrery/plugin.h>

static void *open_nothing(struct orrery_host *host, const struct orrery_value *config,
                          struct orrery_value *honours) {
  (void)config, (void)honours;
  return host; /* something that is not NULL */
}

static void submit(void *instance, struct orrery_call *call) {
  (void)instance;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) {
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "native_id", "1"); /* all of them */
    orrery_report_send(call, i, report);
  }
}

static void unknown_state(struct orrery_call *call, size_t i) {
  struct orrery_value *report = orrery_report(call, i);
  orrery_set_text(report, "state", "LEVITATING");
  orrery_set_bool(report, "final", true);
  orrery_report_send(call, i, report);
}

static void wrong_types(struct orrery_call *call, size_t i) {
  struct orrery_value *report = orrery_report(call, i);
  orrery_set_list(report, "state");
  orrery_set_text(report, "exit_code", "zero");
  orrery_set_int(report, "message", 7);
  orrery_set_text(report, "usage", "much");
  orrery_set_real(report, "hosts", 1.5);
  orrery_set_text(report, "final", "perhaps");
  orrery_report_send(call, i, report);
}

static void monitor(void *instance, struct orrery_call *call) {
  (void)instance;
  size_t count = orrery_count(orrery_call_items(call));
  for (size_t i = 0; i < count; i++) {
    if (i % 2 == 0)
      unknown_state(call, i);
    else
      wrong_types(call, i);
    unknown_state(call, i); /* again */
  }
  unknown_state(call, count);
  orrery_report_ok(call, SIZE_MAX);
}

static void find(void *instance, struct orrery_call *call) {
  (void)instance;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++) {
    struct orrery_value *report = orrery_report(call, i);
    orrery_set_text(report, "answer", "maybe");
    orrery_set_int(report, "native_id", -1);
    orrery_report_send(call, i, report);
  }
}

static void cancel(void *instance, struct orrery_call *call) {
  (void)instance;
  for (size_t i = 0; i < orrery_count(orrery_call_items(call)); i++)
    orrery_report_error(call, i, (enum orrery_error)99, "%s", "no such class");
}

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "nonsense",
    .version = "1",
    .open = open_nothing,
    .submit = submit,
    .monitor = monitor,
    .cancel = cancel,
    .find = find,
};
