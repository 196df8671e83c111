/* Removing a folder with all that is in it, however deep. Links are removed, never followed. */
#pragma once
#include "base/err.h"

/* What is not there counts as removed. */
int orr_tree_remove(const char *path, struct orr_err *err);
