/* Starting a program so that it costs the same however large the server is: until it has become the program, the child
   borrows our memory instead of having a copy, which would make every page that any thread writes meanwhile a fault. */
#pragma once
#include <sys/types.h>

#include "loop/child.h"

/* `files` become its 0, 1 and 2. It leads a session of its own, with no signal blocked or ignored → 0, or an errno. */
int orr_spawn(const struct orr_child_options *options, const int files[3], pid_t *pid);
