/* A feed: what goes on in the log, as server-sent events to everybody who listens on this loop. It keeps answers that were
   begun (orr_request_keep), each with a filter, and ends them. One event is one text, whoever gets it, and an open stream
   that is silent costs no more than its connection.

   The owner of the feed reads the log on and tells each event once; those streams get it that have all that was told before:
   they are live. A stream that begins further back, or whose client does not take what it was sent, is behind: nothing is
   kept for it. When it has room its turn comes (orr_feed_behind), and the owner sends it what it lacks, out of the log, until
   it has caught up. So nothing is lost and nothing comes twice.

   No function calls back, and no stream ends inside one: those that are to end do when the loop's turn does. */
#pragma once
#include "http/http.h"

struct orr_feed;

struct orr_feed_event {
  int64_t number;
  uint64_t type, state;      /* a bit each; 0: none of those that filters name */
  int64_t owner, simulation; /* 0: none that anybody listens to */
  int64_t job, jobs;         /* the first, and how many from there on */
};

struct orr_feed_filter {
  int64_t owner, simulation, job; /* 0: any. A job's has its simulation, too */
  uint64_t types, states;         /* bits; 0: any */
};

/* By what right a stream is open: whose it is, who has a small number of their own; what it may be ended by (orr_feed_end_if);
   and the wall time at which it ends by itself (0: never). */
struct orr_feed_right {
  size_t holder;
  int64_t permit, expires_at;
};

/* `waiting(data)` is called when a stream's turn has come, at the end of the loop's turn. */
struct orr_feed *orr_feed_create(struct orr_loop *loop, int64_t heartbeat_ms, void (*waiting)(void *data),
                                 void *data);
/* When no stream is left, as after the http server is. NULL is legal. */
void orr_feed_destroy(struct orr_feed *feed);

/* Up to which number all has been told. It can be set while there are no streams. */
int64_t orr_feed_number(const struct orr_feed *feed);
void orr_feed_set_number(struct orr_feed *feed, int64_t number);
size_t orr_feed_streams(const struct orr_feed *feed);
size_t orr_feed_streams_of(const struct orr_feed *feed, size_t holder);

/* A stream that has all up to `number`. */
void orr_feed_add(struct orr_feed *feed, struct orr_request *request, const struct orr_feed_filter *filter,
                  const struct orr_feed_right *right, int64_t number);

/* Whether any live stream wants an event, so that nobody writes one down for nothing. */
bool orr_feed_wants(const struct orr_feed *feed, const struct orr_feed_event *event);
/* The event that follows. False: so much is on its way that the loop should have a turn. */
bool orr_feed_tell(struct orr_feed *feed, const struct orr_feed_event *event, const char *text, size_t size);

/* The stream behind whose turn it is, or NULL: what it wants, and the number up to which it has all. */
const struct orr_feed_filter *orr_feed_behind(const struct orr_feed *feed, int64_t *number);
/* Whether that stream wants an event; what it is sent; and that it has all up to a number now. */
bool orr_feed_fits(const struct orr_feed *feed, const struct orr_feed_event *event);
void orr_feed_send(struct orr_feed *feed, const char *text, size_t size);
void orr_feed_reached(struct orr_feed *feed, int64_t number);
void orr_feed_drop(struct orr_feed *feed); /* it ends: nobody has what it lacks */

/* Ends the streams of which `over` says so. */
void orr_feed_end_if(struct orr_feed *feed,
                     bool (*over)(void *data, const struct orr_feed_filter *filter, int64_t permit),
                     void *data);
