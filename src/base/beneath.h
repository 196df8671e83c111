/* Files beneath a folder: a path given by a user is resolved inside a root and cannot leave it, neither by
   ".." nor by a link that leads out, nor by a rename in between. */
#pragma once
#include "base/err.h"

/* Opens `path` (relative; "" is the root itself) beneath `root` with open(2)'s flags. Returns a descriptor or
   a code: ORR_NOT_FOUND, ORR_INVALID (it would leave the root), ORR_IO. */
int orr_open_beneath(const char *root, const char *path, int flags, struct orr_err *err);
