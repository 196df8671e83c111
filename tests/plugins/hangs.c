/* Its submit never returns; whoever waits for it must give it up by itself. The other verbs report nothing.
 */
#include <orrery/plugin.h>

#include <unistd.h>

static void *open_nothing(struct orrery_host *host, const struct orrery_value *config,
                          struct orrery_value *honours) {
  (void)config, (void)honours;
  return host; /* something that is not NULL */
}

static void hang(void *instance, struct orrery_call *call) {
  (void)instance, (void)call;
  for (;;) pause();
}

static void report_nothing(void *instance, struct orrery_call *call) { (void)instance, (void)call; }

ORRERY_API const struct orrery_plugin orrery_plugin = {
    .abi_major = ORRERY_ABI_MAJOR,
    .abi_minor = ORRERY_ABI_MINOR,
    .name = "hangs",
    .version = "1",
    .open = open_nothing,
    .submit = hang,
    .monitor = report_nothing,
    .cancel = report_nothing,
    .find = report_nothing,
};
