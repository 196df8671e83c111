/* A file that tells whether anybody lives of those who were given a descriptor of it, and of those they started: what
   they inherit holds the file, whoever died in the meantime. */
#pragma once
#include <stdbool.h>

#include "base/err.h"

/* Returns a descriptor that holds the file as long as it or a copy is open anywhere, or a negative code. It is closed
   on exec; the copy for a program is not to be. */
int orr_hold_take(const char *path, struct orr_err *err);

/* True: nobody holds it. Otherwise all who do, but this process, are killed, and are gone soon: ask again then. */
bool orr_hold_free(const char *path);
