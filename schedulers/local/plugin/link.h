/* The plug-in's line to its supervisor. A thread of its own connects, starting the supervisor where none
   answers, and listens: answers go to the verb that waits for one, changes to the host. When the supervisor
   dies with jobs in its care the thread starts the next at once, so that the queue goes on; otherwise it
   waits until a verb wants the line. */
#pragma once
#include <orrery/plugin.h>

#include "base/buf.h"
#include "plugin/connect.h"

struct orr_link;

/* What the line needs to know; texts are borrowed and must outlive it. */
struct orr_link_options {
  struct orrery_host *host;
  const char *state;      /* directory */
  const char *supervisor; /* program */
  int64_t cores;
  double kill_grace, linger; /* seconds */
};

struct orr_link *orr_link_open(const struct orr_link_options *options);
void orr_link_close(struct orr_link *link);

enum orr_answer {
  ORR_ANSWERED,
  ORR_NOT_ASKED, /* the request has certainly not been received; `problem` says why */
  ORR_NO_ANSWER  /* it may have been */
};

/* Sends a request's body and waits until `deadline` (monotonic, ms) for the reply's, which takes the place of
   what is in `reply`. One request at a time. */
enum orr_answer orr_link_ask(struct orr_link *link, const struct orr_buf *request, int64_t deadline,
                             struct orr_buf *reply, char problem[ORR_PROBLEM]);
