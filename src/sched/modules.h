/* The shared objects of plug-ins in C. Each is loaded as a private copy of its file: the loader, asked for a path that it
   knows, gives what it has, however new the file; and a file that is overwritten in place changes under the code that
   runs. What was loaded stays: unmapping code that a thread may still run is worse than keeping it. So a file is loaded
   once for as long as it stays the same, however often resources are opened. */
#pragma once
#include "base/err.h"

struct orr_modules;

struct orr_modules *orr_modules_create(void);
void orr_modules_destroy(struct orr_modules *modules); /* the objects stay; NULL is legal */
/* Any thread: a handle for dlsym, or NULL. */
void *orr_modules_load(struct orr_modules *modules, const char *path, struct orr_err *err);
