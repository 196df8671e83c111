/* Cannot be opened, and says why. */
#include <orrery/plugin.h>

static void *open_fails(struct orrery_host *host, const struct orrery_value *config,
                        struct orrery_value *honours) {
  (void)config, (void)honours;
  orrery_host_fail(host, "the licence of this scheduler has expired");
  return NULL;
}

static void report_nothing(void *instance, struct orrery_call *call) { (void)instance, (void)call; }

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "open_fails",
    .version = "1",
    .open = open_fails,
    .submit = report_nothing,
    .monitor = report_nothing,
    .cancel = report_nothing,
    .find = report_nothing,
};
