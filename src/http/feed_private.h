/* What the files of the feed share: its streams, the places that they are in, and their heartbeats. Nobody else includes it. */
#pragma once
#include "http/feed.h"

/* Bytes that a client has yet to take, beyond which its stream is behind. */
enum { ORR_FEED_MOST_QUEUED = 16 * 1024 };

enum orr_feed_place {
  ORR_FEED_LIVE,    /* in the slot of its subject */
  ORR_FEED_BEHIND,  /* in the queue of those whose turn comes */
  ORR_FEED_FULL,    /* waits for its client to take what is queued */
  ORR_FEED_LEAVING, /* is ended when the loop's turn is over */
};

struct orr_feed_stream {
  struct orr_feed *feed;
  struct orr_request *request;
  struct orr_feed_filter filter;
  struct orr_feed_right right;
  int64_t number; /* has all up to this one; of those that are live, all that was told */
  long long due;  /* its next heartbeat */
  struct orr_feed_stream *earlier, *later; /* all of them, by their heartbeats */
  enum orr_feed_place place;
  struct orr_feed_stream *next, **link; /* others in that place; `link` is what points to it */
};

struct orr_feed_queue {
  struct orr_feed_stream *first, **last;
};

struct orr_feed {
  struct orr_loop *loop;
  struct orr_timer *look;
  int64_t heartbeat_ms;
  void (*waiting)(void *data);
  void *data;
  int64_t number;
  size_t count, jobs; /* streams; live ones of one job */
  size_t told;        /* bytes, in this turn */
  size_t *held;       /* streams, by their holder */
  size_t held_count;  /* holders that it has room for */
  struct orr_feed_stream *first, *last;
  struct orr_feed_queue behind, leaving;
  struct orr_chore turn_ended;
  struct orr_feed_stream **slots; /* of live streams, by subject */
  size_t slot_count;              /* a power of two */
};

/* feed_place.c */
/* What a stream is found by: the narrowest thing that its filter names. Keys and the small numbers of owners do not meet. */
int64_t orr_feed_subject(const struct orr_feed_filter *filter);
struct orr_feed_stream **orr_feed_slot(const struct orr_feed *feed, int64_t subject);
void orr_feed_make_places(struct orr_feed *feed);
void orr_feed_grow(struct orr_feed *feed); /* when one more has come, so that chains stay short */
void orr_feed_move(struct orr_feed_stream *stream, enum orr_feed_place place);
void orr_feed_displace(struct orr_feed_stream *stream);
/* A stream that has all up to a number goes where that puts it. */
void orr_feed_settle(struct orr_feed_stream *stream, int64_t number);
/* Whether its time is over; then it leaves. */
bool orr_feed_expired(struct orr_feed_stream *stream);

/* feed_beat.c */
/* Its next heartbeat comes behind those of all others. */
void orr_feed_line_up(struct orr_feed_stream *stream);
void orr_feed_step_out(struct orr_feed_stream *stream);
void orr_feed_look_on(struct orr_feed *feed);
void orr_feed_look_no_more(struct orr_feed *feed);
