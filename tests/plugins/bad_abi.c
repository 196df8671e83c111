/* Built against a future major version of the interface: it must be refused before anything in it is called.
 */
#include <orrery/plugin.h>

#include <stdlib.h>

static void *never_called(struct orrery_host *host, const struct orrery_value *config,
                          struct orrery_value *honours) {
  (void)host, (void)config, (void)honours;
  abort();
}

static void never_run(void *instance, struct orrery_call *call) {
  (void)instance, (void)call;
  abort();
}

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR + 1,
    .name = "bad_abi",
    .version = "1",
    .open = never_called,
    .submit = never_run,
    .monitor = never_run,
    .cancel = never_run,
    .find = never_run,
};
