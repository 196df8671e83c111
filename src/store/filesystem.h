/* Where a database may live. SQLite's write-ahead log shares memory between connections and trusts the file
   system's locks and syncs; over a network neither holds, and the damage shows only much later. So such a
   place is refused at the start, with advice. */
#pragma once
#include "base/err.h"

/* ORR_OK when the folder of the file `path` (which need not exist yet) is on a file system of this machine.
 */
int orr_filesystem_check(const char *path, struct orr_err *err);
/* What a statfs(2) magic number is called, when it is one that is refused; NULL: it is not. */
const char *orr_filesystem_refused(unsigned long magic);
/* The folder a file is in, allocated: "a/b" → "a", "b" → ".". */
char *orr_filesystem_folder(const char *path);
