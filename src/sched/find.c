/* From the name in the configuration to the plug-in's file: NAME.so or NAME.lua, in the folders in turn. */
#include <dirent.h>
#include <limits.h>
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

/* A file that another one of the same name comes before is none. */
static void visit_file(const char *folders, const char *folder, const char *file,
                       void (*visit)(void *data, const char *name, const char *path), void *data) {
  char name[NAME_MAX + 1], path[PATH_MAX], found[PATH_MAX];
  struct orr_err err;
  const char *ending = strrchr(file, '.');
  if (!ending || (strcmp(ending, ".so") != 0 && strcmp(ending, ".lua") != 0)) return;
  snprintf(name, sizeof name, "%.*s", (int)(ending - file), file);
  int length = snprintf(path, sizeof path, "%s/%s", folder, file);
  if (length < (int)sizeof path && orr_plugin_find(folders, name, found, sizeof found, &err) == ORR_OK &&
      strcmp(found, path) == 0)
    visit(data, name, path);
}

void orr_plugin_each(const char *folders, void (*visit)(void *data, const char *name, const char *path),
                     void *data) {
  for (const char *at = folders; *at;) {
    size_t size = strcspn(at, ":");
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)size, at);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
      visit_file(folders, folder, entry->d_name, visit, data);
    if (entries) closedir(entries);
    at += size + (at[size] == ':');
  }
}
