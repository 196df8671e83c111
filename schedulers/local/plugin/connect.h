/* Getting a connection to the state directory's supervisor, whatever state that is in. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { ORR_PROBLEM = 256 };

/* Connects; where nobody answers, starts the supervisor first. Returns a socket, or -1 with a sentence. */
int orr_connect(const char *state, const char *supervisor, char problem[ORR_PROBLEM]);
