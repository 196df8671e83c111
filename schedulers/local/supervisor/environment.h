/* The environment of a job: never the server's. A few variables that every program expects, or the account's
   login environment; then what names the job; then what the submission sets. */
#pragma once
#include <orrery/value.h>

#include "base/arena.h"

/* Whose jobs they are; from the password file, once. */
struct orr_account {
  char *user, *home, *shell;
};

void orr_account_read(struct orr_account *account);
void orr_account_free(struct orr_account *account);

/* A NULL-terminated list of NAME=VALUE. `login` (such a list, too) is NULL for the plain environment; the
   submission may be NULL. */
char **orr_environment(struct orr_arena *arena, const struct orr_account *account, char *const *login,
                       const struct orrery_value *submission);
/* The value of a variable, "" where there is none. */
const char *orr_environment_get(char *const *environment, const char *name);
