/* A file that arrives piece by piece: it has its name once all of it is on the disk, and takes the place of what was
   called so before. One that is given up leaves nothing, nor does one whose program is killed, where the file system has
   files without names; elsewhere that leaves a file beside it whose name begins with ".arriving-". All of it may block. */
#pragma once
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

struct orr_arrival;

/* For a file of that name in an open folder, which becomes the arrival's to close, whatever comes of it. NULL: see `err`. */
struct orr_arrival *orr_arrival_create(int folder, const char *name, struct orr_err *err);
int orr_arrival_write(struct orr_arrival *arrival, const void *bytes, size_t size, struct orr_err *err);
/* → 1: there was none of that name, 0: there was, or a code; ORR_CONFLICT: what is there is no file. Once. */
int orr_arrival_keep(struct orr_arrival *arrival, struct stat *info, struct orr_err *err);
/* Without `keep` before it this gives up. NULL is legal. */
void orr_arrival_destroy(struct orr_arrival *arrival);
