/* `orrery plugin check`: drives one resource through the job-control interface as the control worker does, without a
   store and without serving. All of its judgement is Lua (lua/orrery/kit); here it gets a loop on the main thread and a
   resource worker. Ctrl-C ends it after the kit has cancelled what it had submitted. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/server.h"
#include "base/clock.h"
#include "base/file.h"
#include "bind/changes.h"
#include "bind/resources.h"
#include "bind/value.h"
#include "loop/lane.h"
#include "script/task.h"

enum { CLOSE_MS = 3000, SLICE_MS = 10000 };

struct check {
  struct orr_house house;
  struct orr_log log;
  struct orr_ids ids;
  struct orr_plugin_loading loading;
  struct orr_signal *terminate, *interrupt;
  struct orr_script *script;
  int code;
};

static const char *const tables[] = {"changes", "clock",     "config", "files",    "ids",      "json", "log",
                                     "reach",   "resources", "task",   "template", "terminal", NULL};

static void ended(void *data, lua_State *L, enum orr_outcome outcome, int results) {
  struct check *check = data;
  if (outcome == ORR_TASK_DONE && results >= 1)
    check->code = (int)lua_tointeger(L, -results);
  else
    fprintf(stderr, "orrery: the check broke off: %s\n", orr_task_trace(L));
  orr_loop_stop(check->house.loop);
}

static void interrupted(int number, void *data) {
  (void)number;
  orr_changes_end(((struct check *)data)->house.changes);
}

static int run(struct check *check, struct orr_err *err) {
  struct orr_house *house = &check->house;
  int code = orr_script_require(check->script, "orrery.kit.check", err);
  if (code != ORR_OK) return code;
  struct orr_task *task = orr_task_create(check->script, ended, check);
  lua_xmove(orr_script_state(check->script), orr_task_state(task), 1);
  orr_task_run(task, 0);
  orr_loop_run(house->loop);
  return ORR_OK;
}

static int open_all(struct check *check, const struct orr_paths *paths, struct orr_err *err) {
  struct orr_house *house = &check->house;
  char folder[4200], folders[8400];
  const char *site = orrery_text(orrery_get(house->config, "schedulers"), NULL, "");
  snprintf(folders, sizeof folders, "%s%s%s", site, *site ? ":" : "", paths->schedulers);
  snprintf(folder, sizeof folder, "%s/resources", house->data);
  if (orr_file_folders(folder, 0700, err)) return err->code;
  if (!(house->loop = orr_loop_create(err))) return err->code;
  check->loading.watchdog = orr_watchdog_start(err);
  if (!check->loading.watchdog) return err->code;
  check->loading.log = &check->log;
  check->loading.bundled = paths->schedulers;
  house->lanes = orr_lanes_create();
  house->changes = orr_changes_create(house->loop);
  house->transports = orr_transports_create(house->data, &check->log);
  house->resources = orr_resources_create(house->loop, &check->loading, house->transports, folders, folder);
  check->terminate = orr_signal_start(house->loop, SIGTERM, interrupted, check, err);
  check->interrupt = orr_signal_start(house->loop, SIGINT, interrupted, check, err);
  if (!check->terminate || !check->interrupt) return err->code;
  struct orr_script_options options = {.name = "check",
                                       .lua_path = paths->lua,
                                       .memory_limit = (size_t)512 << 20,
                                       .slice_ms = SLICE_MS,
                                       .watchdog = check->loading.watchdog,
                                       .log = &check->log,
                                       .user = house};
  if (!(check->script = orr_script_create(&options, err))) return err->code;
  orr_bind_provide(check->script, tables);
  return ORR_OK;
}

static void close_all(struct check *check) {
  struct orr_house *house = &check->house;
  if (house->resources && !orr_resources_stop(house->resources, CLOSE_MS)) {
    fprintf(stderr, "orrery: the plug-in hangs and was left behind\n");
    _exit(check->code);
  }
  if (check->script) orr_script_close(check->script);
  orr_transports_stop(house->transports);
  orr_signal_stop(check->terminate);
  orr_signal_stop(check->interrupt);
  if (!orr_lanes_destroy(house->lanes)) _exit(check->code); /* a file system hangs */
  if (house->loop) orr_loop_destroy(house->loop);
  orr_resources_destroy(house->resources);
  orr_transports_destroy(house->transports);
  orr_changes_destroy(house->changes);
  orr_script_destroy(check->script);
  orr_watchdog_stop(check->loading.watchdog);
}

int orr_check(const struct orrery_value *config) {
  struct orr_paths paths = {0};
  struct orr_err err = {0};
  struct check check = {.log = {.fd = STDERR_FILENO, .level = ORR_LOG_ERROR}, .code = ORR_EXIT_FAILED};
  check.house = (struct orr_house){.name = "check",
                                   .log = &check.log,
                                   .ids = &check.ids,
                                   .config = config,
                                   .data = orrery_text(orrery_get(config, "data"), NULL, ""),
                                   .started_ms = orr_wall_ms()};
  int code = orr_paths_find(&paths, &err);
  if (code == ORR_OK) code = open_all(&check, &paths, &err);
  if (code == ORR_OK) code = run(&check, &err);
  if (code != ORR_OK) fprintf(stderr, "orrery: %s\n", err.text);
  close_all(&check);
  orr_paths_free(&paths);
  return check.code;
}
