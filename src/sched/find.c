/* From the name in the configuration to the plug-in's file: NAME.so or NAME.lua, in the folders in turn. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sched/plugin.h"

static bool is_name(const char *name) {
  size_t legal = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return legal > 0 && name[legal] == 0;
}

int orr_plugin_find(const char *folders, const char *name, char *out, size_t room, struct orr_err *err) {
  static const char *const endings[] = {"so", "lua"};
  if (!is_name(name))
    return orr_fail(err, ORR_INVALID,
                    "\"%.64s\" is no name of a scheduler plug-in (letters, digits, _ and -)", name);
  for (const char *folder = folders; *folder;) {
    size_t size = strcspn(folder, ":");
    for (size_t i = 0; i < 2; i++) {
      int length = snprintf(out, room, "%.*s/%s.%s", (int)size, folder, name, endings[i]);
      if (length > 0 && (size_t)length < room && access(out, R_OK) == 0) return ORR_OK;
    }
    folder += size + (folder[size] == ':');
  }
  return orr_fail(err, ORR_NOT_FOUND, "there is no scheduler plug-in %s.so or %s.lua in %s", name, name,
                  folders);
}
