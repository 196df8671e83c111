/* Lacks a required verb: submit. */
#include <orrery/plugin.h>

static void *open_nothing(struct orrery_host *host, const struct orrery_value *config,
                          struct orrery_value *honours) {
  (void)config, (void)honours;
  return host; /* something that is not NULL */
}

static void report_nothing(void *instance, struct orrery_call *call) { (void)instance, (void)call; }

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "no_submit",
    .version = "1",
    .open = open_nothing,
    .monitor = report_nothing,
    .cancel = report_nothing,
    .find = report_nothing,
};
