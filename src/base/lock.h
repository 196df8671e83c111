/* One server for one data directory: a lock on a file that names its holder. */
#pragma once
#include "base/err.h"

/* Returns the descriptor that holds the lock until it is closed (or the process ends), or a negative code. */
int orr_lock_take(const char *directory, struct orr_err *err);
