/* The one problem document (RFC 9457) that C writes: where Lua cannot, or has just failed. */
#pragma once
#include "base/buf.h"
#include "script/task.h"

/* `kind` is the last word of the problem's type; the title is made of it. */
void orr_put_problem(struct orr_buf *body, int status, const char *kind, const char *detail, const char *id);

struct orr_failure {
  int status;
  const char *kind, *detail;
};
/* What is answered when a handler did not end well. */
struct orr_failure orr_failure_of(enum orr_outcome outcome);
