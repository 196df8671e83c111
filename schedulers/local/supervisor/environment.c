#include "supervisor/environment.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

void orr_account_read(struct orr_account *account) {
  const struct passwd *entry = getpwuid(geteuid()); /* the supervisor has a single thread */
  account->user = orr_strdup(entry ? entry->pw_name : "nobody");
  account->home = orr_strdup(entry && *entry->pw_dir ? entry->pw_dir : "/");
  account->shell = orr_strdup(entry && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
}

void orr_account_free(struct orr_account *account) {
  free(account->user), free(account->home), free(account->shell);
}

struct list {
  struct orr_arena *arena;
  char **entries;
  size_t count;
};

static void set(struct list *list, size_t among, const char *name, const char *value) {
  if (!value) return;
  size_t size = strlen(name), i = 0;
  while (i < among && (strncmp(list->entries[i], name, size) != 0 || list->entries[i][size] != '=')) i++;
  if (i == among) i = list->count++;
  list->entries[i] = orr_arena_printf(list->arena, "%s=%s", name, value);
}

char **orr_environment(struct orr_arena *arena, const struct orr_account *account, char *const *login,
                       const struct orrery_value *submission) {
  const struct orrery_value *own = orrery_get(submission, "environment");
  size_t inherited = 0, named = 9, count = orrery_count(own);
  while (login && login[inherited]) inherited++;
  struct list list = {.arena = arena,
                      .entries = orr_arena_alloc(arena, (inherited + named + count + 1) * sizeof(char *))};
  if (inherited) {
    memcpy(list.entries, login, inherited * sizeof(char *));
    list.count = inherited;
  } else {
    set(&list, 0, "HOME", account->home);
    set(&list, 0, "USER", account->user);
    set(&list, 0, "LOGNAME", account->user);
    set(&list, 0, "SHELL", account->shell);
    set(&list, 0, "PATH", "/usr/local/bin:/usr/bin:/bin");
    set(&list, 0, "LANG", "C.UTF-8");
  }
  set(&list, list.count, "ORRERY_JOB_ID", orrery_text(orrery_get(submission, "job"), NULL, NULL));
  set(&list, list.count, "ORRERY_TAG", orrery_text(orrery_get(submission, "tag"), NULL, NULL));
  set(&list, list.count, "ORRERY_DIRECTORY",
      orrery_text(orrery_get(submission, "attempt_directory"), NULL, NULL));
  size_t before = list.count; /* the submission's own names differ from each other */
  for (size_t i = 0; i < count; i++)
    set(&list, before, orrery_key_at(own, i), orrery_text(orrery_at(own, i), NULL, NULL));
  list.entries[list.count] = NULL;
  return list.entries;
}

const char *orr_environment_get(char *const *environment, const char *name) {
  size_t size = strlen(name);
  for (; *environment; environment++)
    if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=') return *environment + size + 1;
  return "";
}
