/* Small files, written whole and at once: into a temporary neighbour, to the disk, then renamed. */
#pragma once
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

int orr_file_write(const char *path, const void *bytes, size_t size, int mode, struct orr_err *err);
/* Appends the file's content to `out`; over `limit` bytes is an error. */
int orr_file_read(const char *path, size_t limit, struct orr_buf *out, struct orr_err *err);
/* The same of a file that is open, from where it stands; closes it. */
int orr_file_read_open(int fd, const char *path, size_t limit, struct orr_buf *out, struct orr_err *err);
/* Makes a folder and its parents; an existing one is fine. */
int orr_file_folders(const char *path, int mode, struct orr_err *err);
